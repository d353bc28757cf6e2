"""Passwords: change, forgot, reset, and what a password may not be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg.rows import TupleRow

from shared.contract.account_commands import ForgotPassword, SendVerification
from shared.contract.messages import MailedToken, Sealed
from tests.person import PASSWORD, Person, refused
from tests.services import System
from user.accounts.emails import EmailService
from user.accounts.model import CommandId, Event
from user.accounts.passwords import PasswordService
from user.accounts.reauthentication import Reauthentication
from user.security.password_hasher import PasswordHasher
from user.storage.unit_of_work import UnitOfWork, open_pool

Database = psycopg.Connection[TupleRow]

NEW = "another horse entirely"
RESET = "Choose a new password"


def asked(person: Person) -> str:
    """Forget the password, and read the mail."""
    assert person.post("/password/forgot", {"email": person.email}).status_code == 202
    return person.mailed_token(RESET)


def test_a_change_ends_other_sessions_and_is_told_by_mail(person: Person) -> None:
    device, other = person.device, person.sign_in()

    body = {"currentPassword": PASSWORD, "newPassword": NEW}
    assert device("POST", "/password/change", body).status_code == 204

    assert device("GET", "/profile").status_code == 200
    assert refused(other("GET", "/profile")) == (401, "not-authenticated")
    assert refused(other.refresh()) == (401, "session-ended")
    assert person.login(PASSWORD).status_code == 401
    assert person.login(NEW).status_code == 200
    assert "was changed" in person.mail("password was changed")["Text"]


def test_a_change_needs_the_current_password(person: Person) -> None:
    body = {"currentPassword": "not the password", "newPassword": NEW}

    assert refused(person.device("POST", "/password/change", body)) == (401, "invalid-credentials")
    assert person.login(PASSWORD).status_code == 200


def test_a_reset_works_once_and_ends_all_sessions(person: Person) -> None:
    token = asked(person)

    assert person.post("/password/reset", {"token": token, "password": NEW}).status_code == 204

    again = person.post("/password/reset", {"token": token, "password": "a third horse here"})
    assert refused(again) == (400, "invalid-token")
    assert refused(person.device("GET", "/profile")) == (401, "not-authenticated")
    assert refused(person.device.refresh()) == (401, "session-ended")
    assert person.login(PASSWORD).status_code == 401
    signed_in = person.login(NEW)
    assert signed_in.json()["user"]["emailVerified"] is True
    assert person.mail("password was changed")["Text"]


def test_a_reset_shows_that_the_address_is_theirs_though_the_profile_was_cached(
    person: Person,
) -> None:
    assert person.device("GET", "/profile").json()["emailVerified"] is False
    assert person.post("/password/reset", {"token": asked(person), "password": NEW}).is_success

    person.password = NEW
    assert person.sign_in()("GET", "/profile").json()["emailVerified"] is True


def test_a_used_reset_makes_the_other_mailed_ones_useless(person: Person) -> None:
    first = asked(person)
    person.inbox.clear()
    second = asked(person)
    assert first != second

    assert person.post("/password/reset", {"token": second, "password": NEW}).status_code == 204
    other = person.post("/password/reset", {"token": first, "password": NEW})

    assert refused(other) == (400, "invalid-token")


def test_a_reset_token_dies_after_30_minutes(person: Person, database: Database) -> None:
    token = asked(person)
    lifetime = database.execute(
        "SELECT expires_at - created_at FROM tokens WHERE user_id = %s AND purpose = 'reset'",
        (person.user_id,),
    ).fetchone()
    assert lifetime is not None
    assert 29 * 60 <= lifetime[0].total_seconds() <= 30 * 60
    database.execute("UPDATE tokens SET expires_at = now() WHERE user_id = %s", (person.user_id,))

    answer = person.post("/password/reset", {"token": token, "password": NEW})

    assert refused(answer) == (400, "invalid-token")


def test_a_refused_password_leaves_the_token_good(person: Person) -> None:
    token = asked(person)

    for weak in ("password1", person.email):
        answer = person.post("/password/reset", {"token": token, "password": weak})
        assert refused(answer) == (422, "weak-password")

    assert person.post("/password/reset", {"token": token, "password": NEW}).status_code == 204


def test_forgot_answers_the_same_for_nobody(person: Person, system: System) -> None:
    known = person.post("/password/forgot", {"email": person.email})
    unknown = person.post("/password/forgot", {"email": f"un{person.email}"})

    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)
    assert known.status_code == 202
    same = {"content-type", "content-length", "ratelimit-policy"}
    assert {name: known.headers[name] for name in same} == {
        name: unknown.headers[name] for name in same
    }
    person.mail(RESET)
    assert not person.inbox.to(f"un{person.email}")


@pytest.mark.parametrize(
    "password",
    [
        pytest.param("password1", id="common"),
        pytest.param("PassWord1", id="common in another case"),
        pytest.param("1234567890", id="digits in order"),
        pytest.param("grace.hopper1", id="the e-mail with something added"),
        pytest.param("Grace Hopper", id="the name"),
    ],
)
def test_a_password_that_would_be_guessed_is_refused(system: System, password: str) -> None:
    with system.client() as client:
        body = {"email": "grace.hopper@example.org", "password": password, "name": "Grace Hopper"}
        answer = client.post("/api/v1/auth/register", json=body)

    assert refused(answer) == (422, "weak-password")
    assert [error["pointer"] for error in answer.json()["errors"]] == ["#/password"]
    assert password not in answer.text


@pytest.mark.parametrize(
    "password",
    [
        "aaaaaaab",
        " leading and trailing ",
        "пароль у меня длинный",  # noqa: RUF001 - that is the point
        "🔑" * 128,
        "nospecialsjustwords",
    ],
)
def test_a_password_may_have_any_characters(system: System, person: Person, password: str) -> None:
    body = {"currentPassword": PASSWORD, "newPassword": password}
    assert person.device("POST", "/password/change", body).status_code == 204

    assert person.login(password).status_code == 200
    assert person.login(password[:-1]).status_code == 401
    assert person.login(password.strip() + "!").status_code == 401


def test_a_change_says_which_member_is_weak(person: Person) -> None:
    body = {"currentPassword": PASSWORD, "newPassword": "qwertyuiop"}

    answer = person.device("POST", "/password/change", body)

    assert refused(answer) == (422, "weak-password")
    assert answer.json()["errors"][0]["pointer"] == "#/newPassword"


def test_what_comes_late_mails_no_dead_link(person: Person, database_url: str) -> None:
    """An event waits for nobody, so it may be carried out hours after it was sent."""
    past = datetime.now(UTC) - timedelta(seconds=1)
    token = MailedToken(hash="d" * 64, expires_at=past, sealed=Sealed(kid="k", sealed="s"))
    sent: list[tuple[Event, ...]] = []
    with open_pool(database_url, size=1, timeout_s=5) as pool:
        store = UnitOfWork(pool, lambda _, events: sent.append(events))
        again = Reauthentication(store, PasswordHasher(4), recent_s=600)
        late = CommandId("user.update", f"late-{person.user_id}")
        forgot = ForgotPassword(email=person.email, token=token)
        PasswordService(store, PasswordHasher(4), again).forgot(forgot, late)
        later = CommandId("user.update", f"later-{person.user_id}")
        resend = SendVerification(email=person.email, token=token)
        EmailService(store, again).send_verification(resend, later)

    assert sent == []
