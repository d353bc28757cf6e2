"""A function as a container image, on AWS's emulator, beside the system in containers."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from local import ports
from local.build import TARGETS, build
from local.project import ROOT
from tests.compose.containers import Containers
from tests.containers import docker
from tests.events import kafka
from tests.services import eventually

IMAGE = "user-services/lambda-user"
PATH = "/2015-03-31/functions/function/invocations"


@pytest.fixture(scope="module")
def function(containers: Containers) -> Iterator[str]:
    """The URL that invokes the user function; it has the variables of the service it stands for."""
    for logical_id in ("SharedLayer", "UserFunction"):
        build(TARGETS[logical_id], ROOT / "dist" / TARGETS[logical_id].folder, "x86_64")
    containers.build(IMAGE, target="lambda", FUNCTION="user")
    port = ports.any_free()
    id_ = docker(
        "run", "--detach", "--rm", "--read-only", "--tmpfs", "/tmp",
        "--network", containers.network, "--publish", f"127.0.0.1:{port}:8080",
        *(f"--env={line}" for line in containers.environment("user-service")), IMAGE,
    ).strip()  # fmt: skip
    yield f"http://{ports.HOST}:{port}{PATH}"
    docker("kill", id_)


def test_it_answers_a_batch(function: str) -> None:
    found = kafka.record("user.find", json.dumps({"id": "nobody"}).encode())
    unread = kafka.record("user.find", b"no json", offset=1)

    def invoke() -> httpx.Response:
        return httpx.post(function, json=kafka.event(found, unread), timeout=30)

    answer = eventually(invoke, timeout=60).json()

    assert kafka.failures(answer) == [("user.find-0", 1)]
