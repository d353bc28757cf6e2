"""The command under test, run as its users run it: ``lambda-esm``."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from local.process import Command, Group, Process, module
from tests.services import eventually

FUNCTION = "Function"
FAST_RETRIES = ("--retry-delay", "0.01", "--retry-delay-max", "0.05")


def function(**properties: Any) -> dict[str, Any]:
    """Return a function of a template."""
    return {
        "Type": "AWS::Serverless::Function",
        "Properties": {
            "Handler": "app.handler",
            "Runtime": "python3.13",
            "CodeUri": ".",
            "Timeout": 3,
            **properties,
        },
    }


def mapping(topic: str, **properties: Any) -> dict[str, Any]:
    """Return a mapping of a template: window 0, from the oldest record, group ``group-<topic>``."""
    return {
        "Type": "AWS::Lambda::EventSourceMapping",
        "Properties": {
            "FunctionName": {"Ref": FUNCTION},
            "Topics": [topic],
            "SelfManagedEventSource": {"Endpoints": {"KafkaBootstrapServers": ["kafka:9092"]}},
            "SelfManagedKafkaEventSourceConfig": {"ConsumerGroupId": group_of(topic)},
            "StartingPosition": "TRIM_HORIZON",
            "MaximumBatchingWindowInSeconds": 0,
            **properties,
        },
    }


def group_of(topic: str) -> str:
    """Return the consumer group of :func:`mapping`."""
    return f"group-{topic}"


def template(resources: Mapping[str, Any], **sections: Any) -> dict[str, Any]:
    """Return a template with one function and these resources."""
    return {**sections, "Resources": {FUNCTION: function(), **resources}}


class Esm:
    """The command in a process.

    Attributes:
        lines: what it has written.
    """

    def __init__(self, arguments: list[str], env: Mapping[str, str], group: Group) -> None:
        self.lines: list[str] = []
        argv = module("lambda_esm", *arguments)
        command = Command("esm", argv, env, ready=r"\bready mappings=")
        self.process = Process(command, group, self.lines.append)

    def ready(self) -> Esm:
        """Wait until it has joined its groups."""
        self.process.wait_ready(30)
        return self

    def stop(self, timeout: float = 15.0) -> int:
        """Stop it, and return its exit status."""
        self.process.stop(timeout)
        return self.exit_code()

    def kill(self) -> None:
        """``kill -9``."""
        self.process.kill()

    def exit_code(self, timeout: float = 60.0) -> int:
        """Wait for its end, and return its exit status."""
        eventually(lambda: self.process.exit_code is not None, timeout)
        assert self.process.exit_code is not None
        return self.process.exit_code

    @property
    def running(self) -> bool:
        return self.process.exit_code is None

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def find(self, pattern: str) -> re.Match[str]:
        """Wait for a line, and return what was found."""
        return eventually(lambda: re.search(pattern, self.text))

    def invocations(self) -> list[dict[str, str]]:
        """Return the log lines of invocations, as members."""
        found = [line for line in list(self.lines) if " invoked function=" in line]
        return [dict(re.findall(r"(\w+)=(.*?)(?= \w+=|$)", line)) for line in found]


class Runner:
    """Starts commands for one test, and ends what is left of them."""

    def __init__(self, folder: Path, servers: str, fetch_wait_ms: int, group: Group) -> None:
        self.folder = folder
        self._servers, self._fetch_wait_ms, self._group = servers, fetch_wait_ms, group
        self._started: list[Esm] = []

    def __call__(
        self,
        document: Mapping[str, Any],
        *flags: str,
        env: Mapping[str, str] | None = None,
        servers: str | None = "",
    ) -> Esm:
        """Run with a template.

        Args:
            document: written to the test's folder.
            flags: of the command.
            env: beside this process's own.
            servers: other brokers; None for those of the template.
        """
        path = self.folder / "template.json"
        path.write_text(json.dumps(document))
        where = [] if servers is None else ["--bootstrap-servers", servers or self._servers]
        return self._start(["run", "--template", str(path), *where, *FAST_RETRIES, *flags], env)

    def replay(self, destination: str, *flags: str, env: Mapping[str, str] | None = None) -> Esm:
        """Replay what a destination has."""
        return self._start(
            ["replay", destination, "--bootstrap-servers", self._servers, *flags], env
        )

    def once(self, document: Mapping[str, Any], endpoint: str, *flags: str) -> Esm:
        """Run until everything is delivered or given up."""
        esm = self(document, "--endpoint", endpoint, "--once", *flags)
        assert esm.exit_code(60) == 0, esm.text
        return esm

    @property
    def output(self) -> dict[str, list[str]]:
        """Every line that each of them has written."""
        return {f"lambda-esm {n}": esm.lines for n, esm in enumerate(self._started, 1)}

    def handler(self, source: str) -> None:
        """Write the function's code."""
        (self.folder / "app.py").write_text(source)

    def _start(self, arguments: list[str], env: Mapping[str, str] | None) -> Esm:
        variables = {
            **os.environ,
            "KAFKA_FETCH_WAIT_MS": str(self._fetch_wait_ms),
            "PYTHONUNBUFFERED": "1",
            **(env or {}),
        }
        esm = Esm(arguments, variables, self._group)
        self._started.append(esm)
        return esm

    def close(self) -> None:
        for esm in self._started:
            if esm.process.exit_code is None:
                esm.stop(5)


Run = Callable[..., Esm]
