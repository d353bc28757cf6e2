"""A NestJS application calls our user and notification functions."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.interop.nestjs import NestClient, NestError
from tests.person import PASSWORD
from tests.services import System, eventually


@pytest.fixture(scope="module", autouse=True)
def system(our_system: System) -> System:
    our_system.start()
    return our_system


def new_email() -> str:
    return f"zoe-{uuid4().hex[:12]}@example.com"


@pytest.fixture
def user(nest_client: NestClient) -> dict[str, Any]:
    given = {"email": new_email(), "password": PASSWORD, "name": "Zoë"}
    registered: dict[str, Any] = nest_client.send("user.register", given)
    return registered


def test_a_registered_user_comes_back_from_every_pattern(
    nest_client: NestClient, user: dict[str, Any]
) -> None:
    assert user.keys() == {"id", "email", "name", "emailVerified", "createdAt", "updatedAt"}
    assert user["name"] == "Zoë"
    credentials = {"email": user["email"], "password": PASSWORD}

    assert nest_client.send("user.validate", credentials) == user
    assert nest_client.send("user.find", {"id": user["id"]}) == user
    assert nest_client.send("user.find", {"email": user["email"]}) == user
    changed = nest_client.send("user.update", {"id": user["id"], "name": "Zoé"})
    assert changed["name"] == "Zoé"
    assert nest_client.send("user.find", {"id": user["id"]}) == changed


@pytest.mark.parametrize(
    ("topic", "data", "status", "code"),
    [
        ("user.validate", {"password": "wrong password"}, 401, "invalid-credentials"),
        ("user.register", {"password": PASSWORD}, 409, "email-taken"),
        ("user.register", {"password": "short"}, 422, "weak-password"),
    ],
)
def test_a_refusal_is_the_error_that_nestjs_hands_to_its_caller(
    nest_client: NestClient,
    user: dict[str, Any],
    topic: str,
    data: dict[str, Any],
    status: int,
    code: str,
) -> None:
    with pytest.raises(NestError) as refused:
        nest_client.send(topic, {"email": user["email"], **data})

    assert refused.value.error["statusCode"] == status
    assert refused.value.error["code"] == code
    assert refused.value.error["message"]


@pytest.mark.parametrize("data", [42, "text", ["list"], {}, {"id": 7}])
def test_what_is_no_question_is_refused_and_the_next_one_answered(
    nest_client: NestClient, user: dict[str, Any], data: object
) -> None:
    with pytest.raises(NestError) as refused:
        nest_client.send("user.find", data)

    assert refused.value.error["statusCode"] == 400
    assert nest_client.send("user.find", {"id": user["id"]}) == user


def test_a_retry_that_names_its_effect_gets_the_first_outcome(nest_client: NestClient) -> None:
    given = {"email": new_email(), "password": PASSWORD}
    request = {"value": given, "headers": {"idempotency-key": uuid4().hex}}

    first = nest_client.send("user.register", request)

    assert nest_client.send("user.register", request) == first


def test_a_command_sent_as_an_event_is_carried_out(nest_client: NestClient) -> None:
    email = new_email()

    nest_client.emit("user.register", {"email": email, "password": PASSWORD})

    def registered() -> bool:
        try:
            return bool(nest_client.send("user.find", {"email": email})["email"] == email)
        except NestError:
            return False

    assert eventually(registered)


def test_its_events_become_mails(nest_client: NestClient, system: System) -> None:
    to, token = new_email(), uuid4().hex
    person = {"userId": "u1", "email": to, "name": "Zoë"}

    nest_client.emit("notification.send.welcome", person)
    nest_client.emit("notification.send.password-reset", {**person, "token": token})
    nest_client.emit("notification.send.email", {"to": to, "subject": "Hello", "text": "It works"})

    eventually(lambda: len(system.inbox.to(to)) == 3)
    texts = [system.inbox.message(mail["ID"])["Text"] for mail in system.inbox.to(to)]
    assert any(f"token={token}" in text for text in texts)
    assert any("It works" in text for text in texts)


def test_a_user_of_nestjs_signs_in_over_our_gateway(system: System, user: dict[str, Any]) -> None:
    with system.client() as http:
        body = {"email": user["email"], "password": PASSWORD}
        answer = http.post("/api/v1/auth/login", json=body)

    assert answer.status_code == 200
    assert answer.json()["user"]["id"] == user["id"]
