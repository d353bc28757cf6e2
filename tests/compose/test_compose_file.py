"""The Compose file, as Docker's own tool reads it; no engine is needed."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import pytest

from tests.compose.containers import Containers

ONCE = {"topics", "migrate"}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    compose = ["docker", "compose", "version"]
    if not shutil.which("docker") or subprocess.run(compose, capture_output=True).returncode:
        pytest.skip("needs docker compose")
    containers = Containers()
    found: dict[str, Any] = containers.config()["services"]
    containers.inbox.close()
    return found


def test_it_has_the_services_of_the_system(services: dict[str, Any]) -> None:
    ours = {"gateway", "user-service", "notification-service"}
    assert services.keys() == ours | ONCE | {"kafka", "postgres", "redis", "mailpit"}
    assert all(list(each["networks"]) == ["microservices-network"] for each in services.values())


def test_whatever_stays_says_whether_it_is_well(services: dict[str, Any]) -> None:
    assert {name for name, each in services.items() if "healthcheck" not in each} == ONCE


def test_nothing_begins_before_what_it_needs(services: dict[str, Any]) -> None:
    for each in services.values():
        for needed, how in each.get("depends_on", {}).items():
            ended = "service_completed_successfully" if needed in ONCE else "service_healthy"
            assert how["condition"] == ended


def test_what_is_ours_may_do_nothing_special(services: dict[str, Any]) -> None:
    for each in services.values():
        if each["image"].startswith("user-services/"):
            assert each["read_only"]
            assert each["cap_drop"] == ["ALL"]
            assert each["security_opt"] == ["no-new-privileges:true"]
