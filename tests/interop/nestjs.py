"""NestJS in processes of its own; ``make interop`` builds what runs there."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
from pathlib import Path
from typing import Any, Final

BUILD: Final = Path(__file__).with_name("build")


class NestError(Exception):
    """What NestJS hands to its caller as the error."""

    def __init__(self, error: Any) -> None:
        super().__init__(str(error))
        self.error = error


class NestClient:
    """A NestJS ``ClientKafka`` in a process of its own."""

    def __init__(self, broker: str) -> None:
        self._process = subprocess.Popen(
            ["node", BUILD / "client.js"],
            env=nest_environment(broker),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._numbers = itertools.count(1)
        assert self._read() == {"ready": True}

    def send(self, topic: str, data: object) -> Any:
        """``ClientKafka.send``: the value of the answer.

        Raises:
            NestError: the answer is an error.
        """
        outcome = self._run("send", topic, data)
        if "error" in outcome:
            raise NestError(outcome["error"])
        return outcome["value"]

    def emit(self, topic: str, data: object) -> None:
        """``ClientKafka.emit``; returns when Kafka has it."""
        assert "error" not in self._run("emit", topic, data)

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def _run(self, kind: str, topic: str, data: object) -> dict[str, Any]:
        assert self._process.stdin is not None
        number = next(self._numbers)
        command = {"id": number, "kind": kind, "topic": topic, "data": data}
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        outcome = self._read()
        assert outcome.pop("id") == number
        return outcome

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        found: dict[str, Any] = json.loads(line)
        return found


def nest_environment(broker: str) -> dict[str, str]:
    quiet = {"KAFKAJS_NO_PARTITIONER_WARNING": "1", "NODE_NO_WARNINGS": "1", "NO_COLOR": "1"}
    return {**os.environ, **quiet, "KAFKA_BOOTSTRAP_SERVERS": broker}
