"""Our gateway in front of a NestJS user service: nobody who calls the API can tell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.person import PASSWORD
from tests.services import System, eventually


@pytest.fixture(scope="module")
def system(nest_service: list[str], our_system: System) -> System:
    our_system.start("gateway")
    return our_system


@pytest.fixture
def http(system: System) -> Iterator[httpx.Client]:
    with system.client() as client:
        yield client


def register(http: httpx.Client) -> dict[str, Any]:
    email = f"zoe-{uuid4().hex[:12]}@example.com"
    body = {"email": email, "password": PASSWORD, "name": "Zoë"}
    answer = http.post("/api/v1/auth/register", json=body)
    assert answer.status_code == 201, answer.text
    signed_in: dict[str, Any] = answer.json()
    http.headers["authorization"] = f"Bearer {signed_in['accessToken']}"
    return signed_in


def test_register_login_and_profile(http: httpx.Client) -> None:
    user = register(http)["user"]
    assert user["name"] == "Zoë"

    body = {"email": user["email"], "password": PASSWORD}
    assert http.post("/api/v1/auth/login", json=body).json()["user"] == user
    assert http.get("/api/v1/auth/profile").json() == user
    changed = http.patch("/api/v1/auth/profile", json={"name": "Zoé"})
    assert changed.json()["name"] == "Zoé"
    assert http.get("/api/v1/auth/profile").json() == changed.json()


def test_its_refusals_are_problems_with_its_status(http: httpx.Client) -> None:
    user = register(http)["user"]

    wrong = http.post(
        "/api/v1/auth/login", json={"email": user["email"], "password": "wrong password"}
    )
    assert wrong.status_code == 401
    assert wrong.headers["content-type"] == "application/problem+json"
    assert wrong.json()["detail"] == "Invalid credentials"

    again = {"email": user["email"], "password": PASSWORD}
    assert http.post("/api/v1/auth/register", json=again).status_code == 409


def test_its_own_failure_is_a_bad_gateway(http: httpx.Client) -> None:
    register(http)

    answer = http.patch("/api/v1/auth/profile", json={"name": "a bug"})

    assert answer.status_code == 502
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Internal server error" not in answer.text


def test_a_nestjs_notification_service_gets_our_events(
    http: httpx.Client, nest_service: list[str]
) -> None:
    user = register(http)["user"]

    def heard() -> dict[str, Any] | None:
        prefix = "event notification.send.welcome "
        lines = (line.removeprefix(prefix) for line in list(nest_service) if prefix in line)
        return next((e for e in map(json.loads, lines) if e["userId"] == user["id"]), None)

    event = eventually(heard)
    assert (event["email"], event["name"]) == (user["email"], "Zoë")
    assert event["token"].keys() == {"kid", "sealed"}
