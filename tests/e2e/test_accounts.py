"""A person's way through the system: HTTP → Kafka → function → PostgreSQL → Kafka → HTTP → mail."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import httpx
import pytest

from tests.person import AUTH, PASSWORD, bearer, login, register
from tests.services import Inbox, System

_numbers = itertools.count(1)


@pytest.fixture
def client(system: System) -> Iterator[httpx.Client]:
    with system.client() as client:
        yield client


@pytest.fixture
def email() -> str:
    return f"Person.{next(_numbers)}@example.com"


def code(response: httpx.Response) -> str:
    assert response.headers["content-type"] == "application/problem+json"
    kind: str = response.json()["type"]
    return kind.rpartition(":")[2]


def test_register_login_profile_change_and_the_welcome_mail(
    client: httpx.Client, email: str, inbox: Inbox
) -> None:
    registered = register(client, email, name="Zoë")
    assert registered.status_code == 201
    body = registered.json()
    assert set(body) == {"accessToken", "refreshToken", "tokenType", "expiresIn", "user"}
    assert (body["tokenType"], body["expiresIn"]) == ("Bearer", 900)
    assert (body["user"]["email"], body["user"]["name"]) == (email, "Zoë")
    assert body["user"]["emailVerified"] is False

    signed_in = login(client, email.upper())
    assert signed_in.status_code == 200
    assert signed_in.json()["user"] == body["user"]
    assert signed_in.json()["refreshToken"] != body["refreshToken"]

    headers = bearer(signed_in)
    assert client.get(f"{AUTH}/profile", headers=headers).json() == body["user"]
    warm = client.get(f"{AUTH}/profile", headers=headers)
    assert warm.headers["cache-status"] == "redis; hit"

    changed = client.patch(f"{AUTH}/profile", headers=headers, json={"name": "Zoë Q."})
    assert changed.status_code == 200
    again = client.get(f"{AUTH}/profile", headers=headers)
    assert again.headers["cache-status"] == "redis; hit"
    assert again.json()["name"] == "Zoë Q."
    assert again.json()["updatedAt"] > body["user"]["updatedAt"]

    mail = inbox.wait_for(lambda m: [to["Address"] for to in m["To"]] == [email])
    assert "Zoë" in mail["Text"]
    assert "Zoë" in mail["HTML"]


def test_an_email_can_be_registered_once(client: httpx.Client, email: str) -> None:
    assert register(client, email).status_code == 201

    again = register(client, email.swapcase())

    assert (again.status_code, code(again)) == (409, "email-taken")


def test_a_wrong_password_is_refused_as_an_unknown_email_is(
    client: httpx.Client, email: str
) -> None:
    register(client, email)

    wrong = login(client, email, "wrong password")
    unknown = login(client, f"un{email}")

    assert (wrong.status_code, code(wrong)) == (401, "invalid-credentials")
    assert wrong.json() == unknown.json()


def test_all_of_a_long_password_counts(client: httpx.Client, email: str) -> None:
    long = "0123456789" * 10
    assert register(client, email, password=long).status_code == 201

    assert login(client, email, long).status_code == 200
    assert login(client, email, long[:72]).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        b"{no json",
        b'{"email":"no address","password":"correct horse battery"}',
        b'{"email":"a@example.com","password":"short"}',
    ],
    ids=["no json", "no address", "short password"],
)
def test_bad_input_is_a_422_problem(client: httpx.Client, body: bytes) -> None:
    answer = client.post(
        f"{AUTH}/register", content=body, headers={"content-type": "application/json"}
    )

    assert (answer.status_code, code(answer)) == (422, "invalid-request")
    assert answer.json()["errors"]


@pytest.mark.parametrize("token", ["", "Bearer", "Bearer nonsense", "Basic dTpw"])
def test_without_a_valid_token_there_is_no_profile(client: httpx.Client, token: str) -> None:
    answer = client.get(f"{AUTH}/profile", headers={"authorization": token} if token else {})

    assert (answer.status_code, code(answer)) == (401, "not-authenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_hundred_requests_in_a_minute_and_no_more(client: httpx.Client) -> None:
    answers = [client.get(f"{AUTH}/profile") for _ in range(101)]

    assert [answer.status_code for answer in answers] == [401] * 100 + [429]
    assert answers[0].headers["ratelimit-policy"] == '"default";q=100;w=60'
    assert answers[0].headers["ratelimit"].startswith('"default";r=99;t=')
    refused = answers[-1]
    assert code(refused) == "too-many-requests"
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert refused.headers["ratelimit"].startswith('"default";r=0;t=')


def test_one_clients_flood_is_not_anothers(client: httpx.Client, system: System) -> None:
    for _ in range(101):
        flooded = client.get(f"{AUTH}/profile")
    assert flooded.status_code == 429

    with system.client() as other:
        assert other.get(f"{AUTH}/profile").status_code == 401


def test_a_request_id_is_given_back_and_reaches_the_functions_logs(
    client: httpx.Client, email: str, system: System, inbox: Inbox
) -> None:
    answer = client.post(
        f"{AUTH}/register",
        json={"email": email, "password": PASSWORD},
        headers={"x-request-id": "follow-me-1"},
    )
    inbox.wait_for(lambda m: [to["Address"] for to in m["To"]] == [email])

    assert answer.headers["x-request-id"] == "follow-me-1"
    for function in ("gateway", "user", "notification"):
        assert any("follow-me-1" in line for line in system.output[function]), function


def test_health_tells_what_is_up(client: httpx.Client) -> None:
    assert client.get("/health").json() == {"status": "ok"}
    assert client.get("/health/live").json() == {"status": "ok"}
    assert client.get("/health/ready").json() == {
        "status": "ready",
        "checks": {"kafka": "up", "redis": "up", "user": "up"},
    }


def test_the_api_describes_itself(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()

    assert f"{AUTH}/register" in document["paths"]
    assert "swagger" in client.get("/docs").text.lower()
    known = set(document["components"]["schemas"])
    used = {
        part.partition('"')[0]
        for part in client.get("/openapi.json").text.split("#/components/schemas/")[1:]
    }
    assert used <= known
