"""The programs of the system itself, and how each is started."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from local.process import Command, module
from local.project import FUNCTIONS, GATEWAY, ROOT

_QUIETER_THAN_READY: Final = ("WARNING", "ERROR")
_OURS: Final = ("KAFKA_", "PG")  # the second: libpq's, PGSERVICE for instance


def gateway(variables: Mapping[str, str]) -> Command:
    """Return the gateway under uvicorn; it is ready when it listens."""
    argv = module("gateway.server")
    return Command(GATEWAY, argv, _environment(variables), ready="Uvicorn running on ")


def worker(name: str, variables: Mapping[str, str]) -> Command:
    """Return a function, its handler in the process of its event source mappings.

    It is ready when all of its partitions are assigned.

    Args:
        name: a key of ``FUNCTIONS``.
        variables: the function's own, and where Kafka is.
    """
    argv = module(
        "lambda_esm", "run",
        "--template", str(ROOT / "template.yaml"),
        "--bootstrap-servers", variables["KAFKA_BOOTSTRAP_SERVERS"],
        "--invoke", "local",
        "--function", FUNCTIONS[name],
    )  # fmt: skip
    return Command(name, argv, _environment(variables), ready=r"\bready mappings=")


def migration(variables: Mapping[str, str]) -> Command:
    """Return what brings the database to the newest schema, and ends."""
    return Command("migrate", module("user.operations.migrate"), _environment(variables))


def migrated(command: Command) -> Command:
    """Return the command, to be run once the database has the newest schema."""
    script = '"$0" -m user.operations.migrate && exec "$0" "$@"'
    return command._replace(argv=("/bin/sh", "-c", script, *command.argv))


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    # What a person has exported (LOG_LEVEL, BCRYPT_COST) passes; the addresses and keys are ours,
    # and so is all that says how they are reached.
    passed = {n: value for n, value in os.environ.items() if not n.startswith(_OURS)}
    given = {**passed, "PYTHONUNBUFFERED": "1", **variables}
    level = given.get("LOG_LEVEL", "").upper()
    given["LOG_LEVEL"] = "INFO" if level in _QUIETER_THAN_READY else level
    return given
