"""The whole system on the real runtime: API Gateway's events in, records by our mappings, mail."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from local.process import Process
from tests.lambda_runtime import api_gateway
from tests.lambda_runtime.conftest import Start
from tests.lambda_runtime.emulator import Environment
from tests.person import PASSWORD
from tests.services import Inbox, eventually


@pytest.fixture(scope="module")
def environments(start: Start, trigger: Callable[..., Process]) -> dict[str, Environment]:
    """One environment of each function, and their mappings."""
    made = {
        name: start(f"{name.capitalize()}Function") for name in ("gateway", "user", "notification")
    }
    trigger("UserFunction", made["user"])
    trigger("NotificationFunction", made["notification"])
    return made


@pytest.fixture
def api(environments: dict[str, Environment]) -> Iterator[httpx.Client]:
    """A client of the gateway, behind API Gateway."""
    with api_gateway.client(environments["gateway"].invoke) as client:
        yield client


def register(api: httpx.Client, **headers: str) -> dict[str, Any]:
    body = {"email": f"{uuid.uuid4().hex}@example.com", "password": PASSWORD, "name": "Ada"}
    answer = api.post("/api/v1/auth/register", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    signed_in: dict[str, Any] = answer.json()
    return signed_in


def test_register_login_profile_and_the_welcome_mail(api: httpx.Client, inbox: Inbox) -> None:
    user = register(api)["user"]

    login = api.post("/api/v1/auth/login", json={"email": user["email"], "password": PASSWORD})
    assert login.status_code == 200, login.text
    bearer = {"authorization": f"Bearer {login.json()['accessToken']}"}
    profile = api.get("/api/v1/auth/profile", headers=bearer)

    assert profile.status_code == 200, profile.text
    assert profile.json() == login.json()["user"]
    assert eventually(lambda: inbox.to(user["email"]))


def test_a_wrong_password_is_an_answer_and_not_a_failed_record(
    api: httpx.Client, environments: dict[str, Environment]
) -> None:
    user = register(api)["user"]

    answer = api.post("/api/v1/auth/login", json={"email": user["email"], "password": "wrong one"})

    assert answer.status_code == 401
    assert not [line for line in environments["user"].logged() if "record failed" in str(line)]


def test_one_request_id_leads_from_the_api_to_the_reply_and_the_mail(
    api: httpx.Client, environments: dict[str, Environment]
) -> None:
    request_id = f"followed-{uuid.uuid4().hex}"

    register(api, **{"x-request-id": request_id})

    def messages(function: str) -> list[str]:
        logged = environments[function].logged()
        return [str(line.get("message")) for line in logged if line.get("request_id") == request_id]

    assert "request" in eventually(lambda: messages("gateway"))
    assert "command done" in eventually(lambda: messages("user"))
    assert "mail sent" in eventually(lambda: messages("notification"))


def test_each_invocation_is_named_and_the_first_one_marked_cold(
    api: httpx.Client, environments: dict[str, Environment]
) -> None:
    for _ in range(2):
        api.get("/health")

    lines = [line for line in environments["gateway"].logged() if line.get("message") == "request"]
    assert all(line["function_request_id"] for line in lines)
    cold = {line["function_request_id"] for line in lines if line.get("cold_start")}
    assert len(cold) == 1


def test_metrics_are_in_the_log_in_the_embedded_format(
    api: httpx.Client, environments: dict[str, Environment]
) -> None:
    register(api)

    def measured(function: str) -> dict[str, list[float]]:
        found: dict[str, list[float]] = {}
        for line in environments[function].logged():
            for group in line.get("_aws", {}).get("CloudWatchMetrics", []):
                assert group["Namespace"] == "UserServices"
                assert "service" in group["Dimensions"][0]
                for metric in group["Metrics"]:
                    found.setdefault(metric["Name"], []).extend(_numbers(line[metric["Name"]]))
        return found

    assert measured("gateway")["ColdStart"] == [1.0]
    assert "Responses2xx" in measured("gateway")
    assert sum(eventually(lambda: measured("user").get("Records"))) > 0
    assert sum(measured("user")["RecordsFailed"]) == 0
    assert eventually(lambda: measured("notification").get("Records"))


def test_no_secret_is_in_any_log(api: httpx.Client, environments: dict[str, Environment]) -> None:
    signed_in = register(api)

    for environment in environments.values():
        said = "\n".join(environment.lines)
        assert PASSWORD not in said
        assert signed_in["refreshToken"] not in said
        assert signed_in["accessToken"] not in said


def _numbers(value: Any) -> list[float]:
    return list(value) if isinstance(value, list) else [value]
