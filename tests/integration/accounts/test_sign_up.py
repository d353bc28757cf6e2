"""Sign-up as a setting: whether login waits for the mail, and who learns who is here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.environment import Addresses
from local.keys import Keys
from tests.integration.accounts.systems import running
from tests.person import AUTH, PASSWORD, Person, refused
from tests.services import Inbox, System

CONFIRM, WELCOME = "Confirm your e-mail", "Welcome"


@pytest.fixture(params=["verified", "private"])
def careful(
    request: pytest.FixtureRequest, alone: Addresses, keys: Keys, inbox: Inbox
) -> Iterator[tuple[str, System]]:
    with running(alone, keys, inbox, SIGN_UP=request.param) as system:
        yield request.param, system


def test_sign_up_with_confirmed_addresses(careful: tuple[str, System], inbox: Inbox) -> None:
    """One system for all that can be said of a setting: it takes seconds to start."""
    setting, system = careful
    person = Person(system, inbox)
    assert (person.registered.status_code, person.registered.json()) == (
        202,
        {"status": "accepted"},
    )

    _login_waits_for_the_mail(person, setting)
    _a_taken_address(person, setting, inbox)
    _openapi_says_what_occurs(person, setting)
    person.client.close()


def _login_waits_for_the_mail(person: Person, setting: str) -> None:
    token = person.mailed_token(WELCOME)
    expected = {"verified": (403, "email-not-verified"), "private": (401, "invalid-credentials")}
    assert refused(person.login()) == expected[setting]
    assert person.post("/email/verify", {"token": token}).status_code == 204
    assert person.login().status_code == 200


def _a_taken_address(person: Person, setting: str, inbox: Inbox) -> None:
    body = {"email": person.email.lower(), "password": "somebody else's words"}
    again = person.post("/register", body)
    if setting == "verified":
        assert refused(again) == (409, "email-taken")
        return
    assert (again.status_code, again.content) == (202, person.registered.content)
    assert "has one: sign in" in person.mail("You have an account already")["Text"]
    assert person.login().status_code == 200
    assert person.login("somebody else's words").status_code == 401
    change = person.sign_in()("PATCH", "/profile", {"email": f"free.{person.email}"})
    taken = person.sign_in()("PATCH", "/profile", {"email": person.email})
    assert (change.status_code, taken.status_code) == (200, 200)


def _openapi_says_what_occurs(person: Person, setting: str) -> None:
    document = person.client.get("/openapi.json").json()
    said = set(document["paths"][f"{AUTH}/register"]["post"]["responses"])
    never = {"verified": {"201"}, "private": {"201", "409"}}[setting]
    assert "202" in said
    assert not said & never


def test_a_weak_password_is_refused_before_anything_is_asked(
    alone: Addresses, keys: Keys, inbox: Inbox
) -> None:
    with running(alone, keys, inbox, SIGN_UP="private") as system, system.client() as client:
        body = {"email": "weak.one@example.org", "password": "password1"}
        answer = client.post(f"{AUTH}/register", json=body)

        assert refused(answer) == (422, "weak-password")
        assert PASSWORD not in answer.text
