"""``make sam``: register, log in and read the mail through SAM CLI's containers."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Iterator

import httpx
import pytest

from local import ports, sam
from local.build import TARGETS, build
from local.process import Command, Group, Process, module
from local.project import ROOT
from tests.compose.containers import Containers, provide_kafka
from tests.person import PASSWORD
from tests.services import Inbox, eventually

_PROJECT = "user-services-sam-test"
_START_S = 300.0


@pytest.fixture(scope="module")
def running(group: Group) -> Iterator[dict[str, str]]:
    """``make sam`` beside whatever else runs here; its environment."""
    if reason := sam.missing():
        pytest.skip(reason)
    provide_kafka(Containers().config()["services"]["kafka"]["image"])
    for target in TARGETS.values():
        build(target, ROOT / "dist" / target.folder, "x86_64")
    names = ("PORT", "LAMBDA_PORT", "KAFKA_PORT", "POSTGRES_PORT", "REDIS_PORT", "INBOX_PORT")
    env = {
        **os.environ,
        **{name: str(ports.any_free()) for name in names},
        "COMPOSE_PROJECT_NAME": _PROJECT,
        "NETWORK": _PROJECT,
    }
    process = Process(Command("sam", module("local.sam"), env, ready=r"^API http"), group)
    process.wait_ready(_START_S)
    yield env
    process.stop(60)
    compose = ["docker", "compose", "-f", str(ROOT / "local" / "docker-compose.yml")]
    subprocess.run([*compose, "down", "--volumes"], env=env, check=True, capture_output=True)


def test_register_login_and_the_mail(running: dict[str, str]) -> None:
    inbox = Inbox(f"http://{ports.HOST}:{running['INBOX_PORT']}", "")
    email = f"{uuid.uuid4().hex}@example.com"
    account = {"email": email, "password": PASSWORD}
    with httpx.Client(base_url=f"http://{ports.HOST}:{running['PORT']}", timeout=120) as api:
        # The first containers are made and initialised now.
        eventually(lambda: api.get("/health/ready").status_code == 200, timeout=180)

        registered = api.post("/api/v1/auth/register", json={**account, "name": "Ada"})
        login = api.post("/api/v1/auth/login", json=account)
        bearer = {"authorization": f"Bearer {login.json()['accessToken']}"}
        profile = api.get("/api/v1/auth/profile", headers=bearer)

    assert registered.status_code == 201, registered.text
    assert login.status_code == 200, login.text
    assert profile.json()["email"] == email
    assert eventually(lambda: inbox.to(email), timeout=60)
    inbox.close()
