"""The README's two commands on a bare machine, by an ordinary user: ``make test-fresh``.

What is tried is the last commit. ``FRESH_BASE`` names another image than Debian 13's, with apt.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Thread
from typing import Final

import pytest

from local.project import ROOT
from tests.containers import docker, needs_docker
from tests.services import eventually

log = logging.getLogger(__name__)

_IMAGE: Final = "user-services-fresh"
_START_S: Final = 600.0  # with every package to fetch
_REGISTER: Final = """
import json, sys, urllib.request
body = json.dumps({"email": "ada@example.com", "password": "correct horse battery"}).encode()
asked = urllib.request.Request(
    "http://127.0.0.1:3000/api/v1/auth/register", body, {"content-type": "application/json"}
)
print(urllib.request.urlopen(asked).status)
"""
_MAILS: Final = """
import urllib.request
print(urllib.request.urlopen("http://127.0.0.1:8025/api/v1/messages").read().decode())
"""


class Machine:
    """A running container with a clone of the project.

    Args:
        bundle: the project's history, as ``git bundle`` writes it.
    """

    def __init__(self, bundle: Path) -> None:
        self._id = docker("run", "--detach", "--rm", "--init", _IMAGE).strip()
        self._ending = ExitStack()
        docker("cp", str(bundle), f"{self._id}:/tmp/project.bundle")
        self.run("git clone --quiet /tmp/project.bundle project")

    def run(self, script: str) -> str:
        """Run a shell script in the home folder; returns what it prints.

        Raises:
            RuntimeError: it failed; the message has its last words.
        """
        return docker("exec", self._id, "sh", "-c", script)

    def python(self, code: str) -> str:
        """Run Python's own, without any package."""
        return docker("exec", self._id, "python3", "-c", code)

    def start(self, script: str) -> subprocess.Popen[str]:
        """Start a shell script that ends with the machine; its output can be read."""
        started = subprocess.Popen(
            ["docker", "exec", self._id, "sh", "-c", script],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._ending.enter_context(started)
        return started

    def close(self) -> None:
        """End it, and all that runs there."""
        with self._ending:
            docker("kill", self._id)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    if "FRESH" not in os.environ:
        pytest.skip("takes ten minutes: make test-fresh")
    needs_docker()
    base = os.environ.get("FRESH_BASE", "debian:13-slim")
    docker("build", "--tag", _IMAGE, "--build-arg", f"BASE={base}", str(Path(__file__).parent))
    bundle = tmp_path_factory.mktemp("fresh") / "project.bundle"
    subprocess.run(["git", "bundle", "create", "--quiet", bundle, "HEAD"], cwd=ROOT, check=True)
    bundle.chmod(0o644)
    machine = Machine(bundle)
    try:
        yield machine
    finally:
        machine.close()


def test_the_machine_has_no_compiler(machine: Machine) -> None:
    with pytest.raises(RuntimeError):
        machine.run("command -v cc || command -v gcc || command -v clang")


def test_make_dev_runs_the_system(machine: Machine) -> None:
    dev = machine.start("cd project && echo $$ > ../dev.pid && exec make dev")
    lines: list[str] = []
    reader = Thread(target=lambda: lines.extend(dev.stdout or ()))
    reader.start()
    eventually(
        lambda: dev.poll() is not None or any("Ready in" in line for line in lines), _START_S
    )
    assert dev.poll() is None, "".join(lines)
    assert machine.python(_REGISTER).strip() == "201"
    mails = eventually(lambda: json.loads(machine.python(_MAILS))["messages"])
    assert mails[0]["To"][0]["Address"] == "ada@example.com"
    machine.run("kill -TERM $(cat dev.pid)")
    reader.join()
    log.info("%s", "".join(lines))


def test_make_test_passes(machine: Machine) -> None:
    testing = machine.start("cd project && PYTEST_ADDOPTS='-r fE --tb=short' make test")
    output, _ = testing.communicate()
    assert testing.returncode == 0, output[-8000:]
    log.info("%s", output[-2000:])
