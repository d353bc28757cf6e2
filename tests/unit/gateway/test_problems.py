"""Every error over HTTP is an RFC 9457 problem, the framework's own included."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from gateway.http import problems
from gateway.http.requests import ProfileChange, Register
from gateway.middleware.request_context import RequestContextMiddleware
from shared.contract.errors import (
    EmailTaken,
    Overloaded,
    Refusal,
    ReplyTimeout,
    ServiceError,
    Unavailable,
)


class Break(Exception):
    """An error that no code expects."""


def app(error: Exception | None = None) -> FastAPI:
    app = FastAPI()
    problems.install(app)
    app.add_middleware(RequestContextMiddleware)

    @app.post("/register")
    async def register(body: Register) -> str:
        return body.email

    @app.patch("/profile")
    async def change(body: ProfileChange) -> str:
        return str(body.name)

    @app.get("/broken")
    async def broken() -> None:
        if error:
            raise error

    return app


class Client:
    """Sends requests to an app in this process."""

    def __init__(self, app: FastAPI) -> None:
        self._transport = httpx.ASGITransport(app)

    def __call__(self, method: str, path: str, **what: Any) -> httpx.Response:
        return asyncio.run(self._send(method, path, what))

    async def _send(self, method: str, path: str, what: dict[str, Any]) -> httpx.Response:
        async with httpx.AsyncClient(transport=self._transport, base_url="http://x") as client:
            return await client.request(method, path, **what)


@pytest.fixture
def client() -> Client:
    return Client(app())


def assert_problem(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-request-id"]
    body: dict[str, Any] = response.json()
    assert body["type"] == f"urn:problem:user-services:{code}"
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    return body


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"password": "12345678"}, "#/email"),
        ({"email": "no address", "password": "12345678"}, "#/email"),
        ({"email": "a@example.com", "password": "1234567"}, "#/password"),
        ({"email": "a@example.com", "password": "x" * 129}, "#/password"),
        ({"email": "a@example.com", "password": 12345678}, "#/password"),
        ({"email": "a@example.com", "password": "12345678", "name": ""}, "#/name"),
        ({"email": "a@example.com", "password": "12345678", "name": "a\x00b"}, "#/name"),
        ({"email": "a@example.com", "password": "12345678", "nmae": "A"}, "#/nmae"),
        ({"email": "a@example.com", "password": "12345678", "a/b~c": "A"}, "#/a~1b~0c"),
        ([], "#"),
    ],
)
def test_what_is_wrong_with_a_body_is_pointed_at(client: Client, body: Any, pointer: str) -> None:
    problem = assert_problem(client("POST", "/register", json=body), 422, "invalid-request")

    assert [error["pointer"] for error in problem["errors"]] == [pointer]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b'{"email": "\\ud800@example.com"}'])
def test_a_body_that_is_no_json_is_a_problem(client: Client, body: bytes) -> None:
    answer = client("POST", "/register", content=body, headers={"content-type": "application/json"})

    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_refused_password_is_not_sent_back(client: Client) -> None:
    answer = client("POST", "/register", json={"email": "a@example.com", "password": "hunter2"})

    assert "hunter2" not in answer.text


def test_a_body_has_a_limit(client: Client) -> None:
    answer = client("POST", "/register", json={"email": "a@example.com", "password": "x" * 70_000})

    assert_problem(answer, 413, "content-too-large")


def test_a_change_says_something(client: Client) -> None:
    assert_problem(client("PATCH", "/profile", json={}), 422, "invalid-request")
    assert_problem(client("PATCH", "/profile", json={"email": None}), 422, "invalid-request")
    assert client("PATCH", "/profile", json={"name": None}).status_code == 200


def test_a_change_is_of_what_was_sent_and_of_nothing_else() -> None:
    assert ProfileChange.model_validate({"email": "a@example.com"}).profile() == {}
    assert ProfileChange.model_validate({"name": None}).profile() == {"name": None}
    assert ProfileChange.model_validate({"name": "Ada"}).profile() == {"name": "Ada"}


def test_the_frameworks_own_errors_are_problems(client: Client) -> None:
    assert_problem(client("GET", "/nowhere"), 404, "not-found")
    answer = client("GET", "/register")
    assert_problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("error", "status", "code", "retry"),
    [
        (EmailTaken(), 409, "email-taken", False),
        (Refusal("No.", code="from-afar", status=418), 418, "from-afar", False),
        (Unavailable("Kafka is away."), 503, "unavailable", True),
        (Overloaded("Too many."), 503, "overloaded", True),
        (ReplyTimeout("Too late."), 504, "timeout", True),
    ],
)
def test_what_services_say_is_passed_on(
    error: ServiceError, status: int, code: str, retry: bool
) -> None:
    answer = Client(app(error))("GET", "/broken")

    assert assert_problem(answer, status, code)["detail"] == error.message
    assert ("retry-after" in answer.headers) is retry


def test_what_nobody_expected_tells_nothing_of_the_inside() -> None:
    answer = Client(app(Break("secret detail")))("GET", "/broken")

    assert_problem(answer, 500, "internal-error")
    assert "secret detail" not in answer.text


def test_a_request_id_is_kept_when_it_is_one(client: Client) -> None:
    assert (
        client("GET", "/broken", headers={"x-request-id": "abc-1"}).headers["x-request-id"]
        == "abc-1"
    )
    made = client("GET", "/broken", headers={"x-request-id": "a b\tc"}).headers["x-request-id"]
    assert made != "a b\tc"
    assert len(made) == 32
