"""Sessions: refresh with rotation, reuse, races, signing out at once, the list of devices."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg.rows import TupleRow

from tests.person import Device, Person, refused
from tests.services import System

Database = psycopg.Connection[TupleRow]


def age(database: Database, person: Person, seconds: int) -> None:
    """Let a person's spent refresh tokens have been spent that much earlier."""
    database.execute(
        "UPDATE sessions SET used_at = used_at - make_interval(secs => %s) WHERE user_id = %s",
        (seconds, person.user_id),
    )


def test_a_refresh_gives_new_tokens_for_the_same_session(person: Person) -> None:
    device = person.device
    before, session = device.tokens, device.session_id

    answer = device.refresh()

    assert answer.status_code == 200
    assert set(answer.json()) == set(before)
    assert answer.json()["refreshToken"] != before["refreshToken"]
    assert answer.json()["accessToken"] != before["accessToken"]
    assert answer.json()["user"] == before["user"]
    assert device.session_id == session
    assert device("GET", "/profile").status_code == 200


@pytest.mark.parametrize("token", ["unknown", "x" * 43])
def test_an_unknown_refresh_token_is_refused(person: Person, token: str) -> None:
    assert refused(person.device.refresh(token)) == (401, "session-ended")


def test_reuse_of_a_spent_token_ends_the_family_and_says_so_by_mail(
    person: Person, database: Database
) -> None:
    device, other = person.device, person.sign_in()
    spent = device.refresh_token
    device.refresh()
    age(database, person, 60)

    assert refused(device.refresh(spent)) == (401, "session-ended")

    assert refused(device.refresh()) == (401, "session-ended")
    assert refused(device("GET", "/profile")) == (401, "not-authenticated")
    assert other("GET", "/profile").status_code == 200
    assert "signed out that device" in person.mail("device was signed out")["Text"]


def test_a_spent_token_whose_successor_was_used_is_reuse_at_once(person: Person) -> None:
    device = person.device
    spent = device.refresh_token
    device.refresh()
    device.refresh()

    assert refused(device.refresh(spent)) == (401, "session-ended")
    assert refused(device.refresh()) == (401, "session-ended")


def test_racing_refreshes_leave_one_winner_and_lock_nobody_out(
    person: Person, database: Database
) -> None:
    device = person.device
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: Device(person.client, device.tokens).refresh(), range(8)))

    assert {answer.status_code for answer in answers} == {200}
    successors = {answer.json()["refreshToken"] for answer in answers}
    assert len(successors) == 1
    rows = database.execute(
        "SELECT count(*) FROM sessions WHERE user_id = %s", (person.user_id,)
    ).fetchone()
    assert rows == (2,)
    assert device.refresh(successors.pop()).status_code == 200


def test_a_refresh_whose_answer_was_lost_can_be_sent_again(person: Person) -> None:
    device = person.device
    spent = device.refresh_token
    lost = device.refresh().json()["refreshToken"]

    assert device.refresh(spent).json()["refreshToken"] == lost
    assert device.refresh().status_code == 200


def test_a_session_does_not_live_for_ever(person: Person, database: Database) -> None:
    database.execute(
        "UPDATE sessions SET signed_in_at = now() - interval '91 days' WHERE user_id = %s",
        (person.user_id,),
    )

    assert refused(person.device.refresh()) == (401, "session-ended")


def test_an_expired_refresh_token_is_refused(person: Person, database: Database) -> None:
    database.execute("UPDATE sessions SET expires_at = now() WHERE user_id = %s", (person.user_id,))

    assert refused(person.device.refresh()) == (401, "session-ended")


@pytest.mark.parametrize("with_token", [False, True])
def test_logout_ends_this_session_at_once(person: Person, with_token: bool) -> None:
    device, other = person.device, person.sign_in()
    assert device("GET", "/profile").status_code == 200
    body = {"refreshToken": device.refresh_token} if with_token else None

    assert device("POST", "/logout", body).status_code == 204

    assert refused(device("GET", "/profile")) == (401, "not-authenticated")
    assert refused(device.refresh()) == (401, "session-ended")
    assert other("GET", "/profile").status_code == 200


def test_logout_of_all_ends_every_session_at_once(person: Person) -> None:
    device, other = person.device, person.sign_in()

    assert device("POST", "/logout", {"all": True}).status_code == 204

    for each in (device, other):
        assert refused(each("GET", "/profile")) == (401, "not-authenticated")
        assert refused(each.refresh()) == (401, "session-ended")


def test_another_persons_refresh_token_signs_nobody_out(person: Person, stranger: Person) -> None:
    stranger.device("POST", "/logout", {"refreshToken": person.device.refresh_token})

    assert person.device("GET", "/profile").status_code == 200


def test_devices_are_listed_with_where_and_when(person: Person, system: System) -> None:
    with system.client() as phone:
        phone.headers["user-agent"] = "Phone/1.0"
        person.sign_in(phone)

        sessions = person.device("GET", "/sessions").json()["sessions"]

        assert [each["current"] for each in sessions] == [False, True]
        assert sessions[0]["userAgent"] == "Phone/1.0"
        assert sessions[0]["ip"] == phone.headers["x-forwarded-for"]
        assert sessions[0]["signedInAt"] <= sessions[0]["lastUsedAt"] < sessions[0]["expiresAt"]


def test_a_lost_device_is_signed_out_from_another(person: Person) -> None:
    device, lost = person.device, person.sign_in()

    assert device("DELETE", f"/sessions/{lost.session_id}").status_code == 204

    assert refused(lost("GET", "/profile")) == (401, "not-authenticated")
    assert len(device("GET", "/sessions").json()["sessions"]) == 1


def test_another_persons_session_is_not_there(person: Person, stranger: Person) -> None:
    answer = stranger.device("DELETE", f"/sessions/{person.device.session_id}")

    assert refused(answer) == (404, "session-not-found")
    assert person.device("GET", "/profile").status_code == 200


def test_of_very_many_sessions_the_least_used_end(person: Person, database: Database) -> None:
    device = person.device
    database.execute(
        "INSERT INTO sessions (id, user_id, family, refresh_token_hash, expires_at, created_at) "
        "SELECT u || '-' || n, u, u || '-' || n, u || n, now() + interval '1 day', "
        "now() - n * interval '1 minute' FROM generate_series(1, 120) n, (SELECT %s::text) one(u)",
        (person.user_id,),
    )

    latest = person.sign_in()

    found = [each["id"] for each in latest("GET", "/sessions").json()["sessions"]]
    assert len(found) == 100
    assert {latest.session_id, device.session_id, f"{person.user_id}-98"} <= set(found)
    assert f"{person.user_id}-99" not in found
