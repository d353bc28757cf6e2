"""Tries of a password, code or token: what was checked counts, and what was not does not."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple, cast

import httpx
import pytest

from gateway.app import create_app
from gateway.bootstrap import make_services
from gateway.cache.redis_client import RedisClient
from gateway.settings import Settings
from shared.bus.requester import Requester
from shared.contract.errors import (
    BadMessage,
    InvalidCredentials,
    InvalidToken,
    Overloaded,
    Refusal,
    ReplyTimeout,
    ServiceError,
    Unavailable,
    WeakPassword,
    WrongCode,
)
from shared.security.keys import make_key
from shared.security.sealing import JwkSet

FREE = 2
TRIES = 3 * FREE
PASSWORD = {"password": "correct horse battery"}
CHANGE = {"currentPassword": "correct horse battery", "newPassword": "a horse of its own"}
SEALING = JwkSet((make_key("sealing"),)).public().to_json()
SETTINGS = Settings(
    kafka_bootstrap_servers="",
    redis_url="unix:///nowhere",
    jwt_signing_keys=JwkSet((make_key("signing"),)).to_json(),
    user_public_keys=SEALING,
    notification_public_keys=SEALING,
    attempts_per_account=FREE,
    attempts_per_address=FREE,
)


class Route(NamedTuple):
    """A route that tries a secret, and the refusal that says that it was wrong."""

    method: str
    path: str
    body: dict[str, str]
    wrong: Refusal


ROUTES = [
    Route("POST", "/login", {"email": "ada@example.com", **PASSWORD}, InvalidCredentials()),
    Route("POST", "/password/change", CHANGE, InvalidCredentials()),
    Route("DELETE", "/profile", PASSWORD, InvalidCredentials()),
    Route("POST", "/totp/enrol", PASSWORD, InvalidCredentials()),
    Route("POST", "/totp/recovery-codes", PASSWORD, InvalidCredentials()),
    Route("POST", "/totp/off", PASSWORD, InvalidCredentials()),
    Route("POST", "/totp/confirm", {"code": "123456"}, WrongCode()),
    Route("POST", "/totp/challenge", {"challengeToken": "t", "code": "123456"}, WrongCode()),
    Route("POST", "/email/verify", {"token": "t"}, InvalidToken()),
    Route("POST", "/password/reset", {"token": "t", **PASSWORD}, InvalidToken()),
    Route("PATCH", "/profile", {"email": "to.{n}@example.com", **PASSWORD}, InvalidCredentials()),
]
on_every_route = pytest.mark.parametrize("route", ROUTES, ids=lambda r: f"{r.method} {r.path}")


class Answering:
    """Stands where Kafka is: every request ends with the same error."""

    def __init__(self, error: ServiceError) -> None:
        self._error = error

    async def request(self, *_: object) -> bytes:
        raise self._error


def statuses(route: Route, error: ServiceError) -> list[int]:
    """Return the statuses of more tries than are free, which all end with this error."""
    redis = RedisClient(SETTINGS.redis_url)
    services = make_services(SETTINGS, cast(Requester, Answering(error)), redis)
    headers = {"authorization": f"Bearer {services.access_tokens.issue('user-1', 'session-1')}"}
    transport = httpx.ASGITransport(cast(Any, create_app(services)), client=("192.0.2.1", 1))

    async def go() -> list[int]:
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            found = []
            for number in range(TRIES):
                body = {name: value.format(n=number) for name, value in route.body.items()}
                path = f"/api/v1/auth{route.path}"
                answer = await client.request(route.method, path, json=body, headers=headers)
                found.append(answer.status_code)
            return found

    return asyncio.run(go())


@on_every_route
def test_guesses_get_slow(route: Route) -> None:
    assert statuses(route, route.wrong) == [route.wrong.status] * (FREE + 1) + [429] * (FREE + 1)


@on_every_route
@pytest.mark.parametrize(
    "error",
    [
        ReplyTimeout("Too late."),
        Unavailable("Kafka is away."),
        Overloaded("Too many."),
        Refusal("The service could not answer.", code="bad-gateway", status=502),
        BadMessage("The sealed member does not open."),
        WeakPassword("The new password is weak."),
    ],
    ids=lambda error: error.code,
)
def test_a_try_that_was_not_checked_does_not_count(route: Route, error: ServiceError) -> None:
    assert statuses(route, error) == [error.status] * TRIES
