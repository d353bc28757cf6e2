"""Deleting an account, exporting one's data, and the audit trail."""

from __future__ import annotations

import psycopg
import pytest
import redis
from psycopg.rows import TupleRow

from tests.person import PASSWORD, Person, refused
from tests.services import System, eventually

Database = psycopg.Connection[TupleRow]

TABLES = ("sessions", "tokens", "second_factors", "recovery_codes")


def rows(database: Database, table: str, user_id: str) -> int:
    query = f"SELECT count(*) FROM {table} WHERE user_id = %s"
    found = database.execute(query, (user_id,)).fetchone()
    assert found is not None
    count: int = found[0]
    return count


def test_deleting_needs_the_password(person: Person) -> None:
    answer = person.device("DELETE", "/profile", {"password": "not the password"})

    assert refused(answer) == (401, "invalid-credentials")
    assert person.device("GET", "/profile").status_code == 200


def test_nothing_of_a_deleted_account_is_left(
    person: Person, database: Database, redis_url: str
) -> None:
    device, other = person.device, person.sign_in()
    device("GET", "/profile")
    device("POST", "/totp/enrol")

    assert device("DELETE", "/profile", {"password": PASSWORD}).status_code == 204

    for each in (device, other):
        assert refused(each("GET", "/profile")) == (401, "not-authenticated")
        assert refused(each.refresh()) == (401, "session-ended")
    assert person.login().status_code == 401
    assert [rows(database, table, person.user_id) for table in TABLES] == [0, 0, 0, 0]
    kept = database.execute(
        "SELECT count(*) FROM processed_messages WHERE reply::text LIKE %s",
        (f"%{person.user_id}%",),
    ).fetchone()
    assert kept == (0,)
    with redis.Redis.from_url(redis_url) as client:
        assert client.exists(f"profile:{person.user_id}") == 0
    assert "as you asked" in person.mail("account was deleted")["Text"]


def test_the_address_of_a_deleted_account_is_free(person: Person, system: System) -> None:
    person.device("DELETE", "/profile", {"password": PASSWORD})

    again = person.post("/register", {"email": person.email, "password": PASSWORD})

    assert again.status_code == 201
    assert again.json()["user"]["id"] != person.user_id


def test_an_export_is_all_that_is_kept(person: Person) -> None:
    device = person.device
    person.login("not the password")
    person.sign_in()

    answer = device("GET", "/export")

    assert answer.status_code == 200
    assert answer.headers["content-disposition"].startswith("attachment")
    found = answer.json()
    assert set(found) == {"user", "secondFactorSince", "sessions", "events"}
    assert found["user"]["email"] == person.email
    assert len(found["sessions"]) == 2
    kinds = [event["kind"] for event in found["events"]]
    assert kinds == ["data-exported", "signed-in", "sign-in-refused", "account-created"]
    assert {event["ip"] for event in found["events"]} == {person.client.headers["x-forwarded-for"]}


def test_what_happens_is_in_the_audit_trail_and_in_the_logs(
    person: Person, system: System, database: Database
) -> None:
    device = person.device
    body = {"currentPassword": PASSWORD, "newPassword": "another horse entirely"}
    device("POST", "/password/change", body)
    device("POST", "/logout")

    trail = database.execute(
        "SELECT kind, session IS NOT NULL, ip, request_id IS NOT NULL FROM audit_events "
        "WHERE user_id = %s ORDER BY id",
        (person.user_id,),
    ).fetchall()
    ip = person.client.headers["x-forwarded-for"]
    kinds = ["account-created", "password-changed", "signed-out"]
    assert trail == [(kind, True, ip, True) for kind in kinds]
    for kind in kinds:
        eventually(
            lambda kind=kind: any(  # type: ignore[misc] # bound for each
                kind in line and person.user_id in line for line in system.output["user"]
            )
        )


def test_a_refused_sign_in_for_nobody_is_in_the_trail_without_what_was_typed(
    person: Person, database: Database
) -> None:
    person.post("/login", {"email": "typed.secret@example.org", "password": PASSWORD})

    row = database.execute(
        "SELECT a::text FROM audit_events a WHERE kind = 'sign-in-refused' ORDER BY id DESC LIMIT 1"
    ).fetchone()

    assert row is not None
    assert "typed" not in row[0]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_events SET kind = 'signed-in'",
        "DELETE FROM audit_events",
        "TRUNCATE audit_events",
    ],
)
def test_the_audit_trail_only_grows(database: Database, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
        database.execute(statement)
