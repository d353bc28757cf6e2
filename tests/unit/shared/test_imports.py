"""Importing a module does nothing but define: no environment is read, no socket is opened."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
# Lambda's entries build their function when they are imported: that is their initialisation phase.
ENTRIES = {"gateway.handler", "user.handler", "notification.handler"}


def modules() -> list[str]:
    found = []
    for source_root in ("functions", "layers"):
        for path in sorted((ROOT / source_root).rglob("*.py")):
            parts = path.relative_to(ROOT / source_root).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            if name not in ENTRIES and not name.endswith("__main__"):
                found.append(name)
    return found


def test_every_module_imports_without_environment_and_sockets() -> None:
    script = (
        "import os, socket, sys\n"
        "os.environ.clear()\n"
        "def refuse(*_): raise AssertionError('a socket was opened at import')\n"
        "socket.socket.connect = refuse\n"
        "for name in sys.argv[1:]:\n"
        "    __import__(name)\n"
    )

    run = subprocess.run(
        [sys.executable, "-c", script, *modules()], capture_output=True, text=True, check=False
    )

    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("function", ["gateway", "user", "notification"])
def test_a_lambda_entry_says_which_variable_is_missing(function: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", f"import {function}.handler"],
        env={"PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode != 0
    assert "SettingsError: The environment variable" in run.stderr
    assert "is not set" in run.stderr
