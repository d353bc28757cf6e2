"""Importing a module does nothing but define: no environment is read, no socket is opened."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
# Lambda's entries build their function when they are imported: that is their initialisation phase.
ENTRIES = {"gateway.handler", "user.handler", "notification.handler"}
# A cold start waits for each of these: the shipped packages that a handler's modules import.
_EVERY_FUNCTION = {
    "_cffi_backend",
    "aws_lambda_powertools",
    "botocore",
    "cryptography",
    "msgspec",
    "typing_extensions",
}
BUDGET = {
    "gateway": {
        *_EVERY_FUNCTION,
        "annotated_doc",
        "annotated_types",
        "anyio",
        "confluent_kafka",
        "fastapi",
        "jwt",
        "mangum",
        "opentelemetry",
        "pydantic",
        "pydantic_core",
        "starlette",
        "typing_inspection",
    },
    "user": {
        *_EVERY_FUNCTION,
        "bcrypt",
        "confluent_kafka",
        "cuid2",
        "psycopg",
        "psycopg_binary",
        "psycopg_pool",
    },
    "notification": {
        *_EVERY_FUNCTION,
        "jinja2",
        "jmespath",
        "markupsafe",
        "redis",
    },
}


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


@pytest.mark.parametrize("function", sorted(BUDGET))
def test_a_handler_imports_its_budget_of_packages_and_no_more(function: str) -> None:
    script = (
        "import sys\n"
        "import shared.runtime.lambda_function as entry\n"
        "entry.LambdaFunction = lambda *parts, **more: None\n"  # it would build, and connect
        f"import {function}.handler\n"
        "lazy = type(sys).__subclasses__()\n"  # importlib.util's: not executed yet
        "print(*(n for n, m in sys.modules.items() if m is not None and type(m) not in lazy))\n"
    )

    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )

    assert run.returncode == 0, run.stderr
    assert _shipped(function, run.stdout.split()) == BUDGET[function]


def _shipped(function: str, modules: list[str]) -> set[str]:
    """Return the packages among the modules that are deployed with the function.

    This environment has more, some of which a library imports where it finds them.
    """
    lock = (ROOT / "requirements" / f"{function}.txt").read_text()
    locked = set(re.findall(r"^([a-z0-9.-]+)(?:\[[^]]*\])?==", lock, re.MULTILINE))
    owners = packages_distributions()
    names = {module.partition(".")[0] for module in modules}
    return {
        name
        for name in names
        if any(re.sub(r"[-_.]+", "-", each).lower() in locked for each in owners.get(name, ()))
    }
