"""With CloudFront in front, nothing else is served, and the client is whom CloudFront saw."""

from __future__ import annotations

import asyncio

import httpx
import msgspec
import pytest
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.middleware.cloudfront import with_front
from gateway.settings import Settings
from shared.config.settings import SettingsError

SETTINGS = Settings(
    kafka_bootstrap_servers="",
    redis_url="",
    jwt_signing_keys="",
    user_public_keys="",
    notification_public_keys="",
    front="cloudfront",
    origin_secrets="now,next,before",
)


async def told(scope: Scope, receive: Receive, send: Send) -> None:
    """Says what it has been told."""
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    await JSONResponse({"client": scope["client"], "headers": headers})(scope, receive, send)


def ask(*headers: tuple[str, str]) -> httpx.Response:
    async def asked() -> httpx.Response:
        # What API Gateway says: CloudFront's own address.
        transport = httpx.ASGITransport(with_front(told, SETTINGS), client=("130.176.0.1", 443))
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            return await client.get("/", headers=list(headers))

    return asyncio.run(asked())


@pytest.mark.parametrize("secret", ["now", "next", "before"])
def test_with_a_secret_that_is_exchanged_just_now_it_is_served(secret: str) -> None:
    answer = ask(("x-origin-secret", secret), ("x-viewer-address", "2001:db8::1"))

    assert answer.status_code == 200
    assert answer.json()["client"] == ["2001:db8::1", 0]


@pytest.mark.parametrize("given", [(), ("other",), ("",), ("now,next,before",), ("no", "other")])
def test_without_it_nothing_is_served(given: tuple[str, ...]) -> None:
    answer = ask(*(("x-origin-secret", each) for each in given), ("x-viewer-address", "192.0.2.1"))

    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:problem:user-services:forbidden"


def test_what_a_client_says_of_its_address_does_not_count() -> None:
    answer = ask(
        ("x-origin-secret", "now"),
        ("x-viewer-address", "192.0.2.1"),
        ("x-forwarded-for", "198.51.100.7"),
        ("forwarded", "for=198.51.100.7"),
    )

    assert answer.json()["client"][0] == "192.0.2.1"


def test_two_addresses_are_none() -> None:
    answer = ask(
        ("x-origin-secret", "now"),
        ("x-viewer-address", "192.0.2.1"),
        ("x-viewer-address", "198.51.100.7"),
    )

    assert answer.json()["client"] is None


def test_the_secret_goes_no_further() -> None:
    answer = ask(("x-origin-secret", "now"), ("x-viewer-address", "192.0.2.1"))

    assert not {"x-origin-secret", "x-viewer-address"} & set(answer.json()["headers"])


def test_without_a_front_requests_pass_as_they_are() -> None:
    app: ASGIApp = told

    assert with_front(app, msgspec.structs.replace(SETTINGS, front="none")) is app


def test_without_a_secret_it_does_not_start() -> None:
    with pytest.raises(SettingsError, match="ORIGIN_SECRETS"):
        with_front(told, msgspec.structs.replace(SETTINGS, origin_secrets=""))
