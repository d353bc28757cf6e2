"""Docker's command line, for the tests that need an engine."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping

import pytest


def needs_docker() -> None:
    """Skip the test where no Docker engine answers."""
    if shutil.which("docker") is None:
        pytest.skip("needs Docker")
    if subprocess.run(["docker", "info"], capture_output=True).returncode:
        pytest.skip("needs a Docker engine that answers")


def docker(*arguments: str, env: Mapping[str, str] | None = None) -> str:
    """Run ``docker``; returns what it prints.

    Raises:
        RuntimeError: it failed; the message has its last words.
    """
    done = subprocess.run(["docker", *arguments], env=env, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(
            f"docker {' '.join(arguments)}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
        )
    return done.stdout
