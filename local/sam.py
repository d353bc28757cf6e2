"""``make sam``: the functions in Lambda's containers, by SAM CLI, with Kafka between them.

    client -> sam local start-api -> gateway -> Kafka -> our event source mapping
                                                          -> sam local start-lambda -> functions

Kafka, PostgreSQL, Redis and the inbox are the services of ``docker-compose.yml``; what SAM starts
joins their network. Topics and schema are brought up to date from this machine.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from threading import Event
from typing import Final, NamedTuple

import msgspec

from local import environment, keys
from local.environment import Addresses
from local.keys import Keys
from local.process import Command, Group, Process, StartError, module
from local.project import FUNCTIONS, GATEWAY, ROOT, logical_id

_SAM: Final = ROOT / ".venv-sam" / "bin" / "sam"
_SERVICES: Final = ("kafka", "postgres", "redis", "mailpit")
# What the compose file uses where nothing else is said.
_NETWORK: Final = "microservices-network"
_START_S: Final = 180.0
_STOP_S: Final = 30.0


class Ports(NamedTuple):
    """Where things listen on this machine; the names are those of the compose file's variables."""

    api: str
    invoke: str
    kafka: str
    postgres: str
    inbox: str

    @classmethod
    def of(cls, env: Mapping[str, str]) -> Ports:
        """Read the ports from an environment, with defaults."""
        return cls(
            api=env.get("PORT", "3000"),
            invoke=env.get("LAMBDA_PORT", "3001"),
            kafka=env.get("KAFKA_PORT", "9092"),
            postgres=env.get("POSTGRES_PORT", "54320"),
            inbox=env.get("INBOX_PORT", "8025"),
        )


def function_variables(keys: Keys, ports: Ports) -> dict[str, dict[str, str]]:
    """Return what ``--env-vars`` gives each function, by its name in template.yaml."""
    inside = Addresses(
        api=f"http://127.0.0.1:{ports.api}",
        inbox="",
        kafka="kafka:9092",
        database="postgresql://app:app@postgres:5432/app",
        redis="redis://redis:6379/0",
        smtp="smtp://mailpit:1025",
        embedded_broker=False,
    )
    none = dict.fromkeys(("SECRETS_ARN", "KAFKA_SECRET_ARN", "KAFKA_CA_SECRET_ARN"), "")
    return {
        logical_id(GATEWAY): {**environment.for_gateway(inside, keys, 0), **none},
        **{
            named: {**environment.for_function(name, inside, keys), **none}
            for name, named in FUNCTIONS.items()
        },
    }


def missing() -> str:
    """Why it cannot run here, or nothing."""
    if not _SAM.exists():
        return "the SAM CLI is not installed: make setup-lambda"
    if shutil.which("docker") is None:
        return "there is no Docker: it runs Lambda's containers"
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
        return "the Docker engine does not answer"
    return ""


class Sam:
    """The whole system; its processes belong to a group.

    Args:
        folder: where keys and the functions' variables are kept.
        network: the Docker network of the services.
        on_line: told each line that a process writes: the process's name, and the line.

    Raises:
        StartError: a part of it does not start.
    """

    def __init__(
        self, folder: Path, network: str, group: Group, on_line: Callable[[str, str], None]
    ) -> None:
        self._ports = Ports.of(os.environ)
        self._network = network
        self._on_line = on_line
        self._group = group
        self._processes: list[Process] = []
        self._variables = folder / "sam.json"
        self._write(keys.load_or_make(folder / "keys.json"))

    @property
    def ports(self) -> Ports:
        """Where everything listens."""
        return self._ports

    def start(self) -> None:
        """Bring topics and schema up to date, then start SAM and the mappings."""
        kafka = f"localhost:{self._ports.kafka}"
        database = f"postgresql://app:app@localhost:{self._ports.postgres}/app"
        client = {"KAFKA_BOOTSTRAP_SERVERS": kafka, "KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}
        _run("shared.bus.topic_admin", {**client, "LOG_FORMAT": "line"})
        _run("user.operations.migrate", environment.for_migration(database))
        self._start("start-lambda", self._sam("start-lambda", self._ports.invoke), {})
        self._start("start-api", self._sam("start-api", self._ports.api), {})
        self._start("esm", self._mappings(kafka), client, ready=r"\bready\b")

    def stop(self) -> None:
        """End all of it, and the containers with it."""
        for process in reversed(self._processes):
            process.stop(_STOP_S)

    def _start(
        self, name: str, argv: tuple[str, ...], env: Mapping[str, str], ready: str = "Running on"
    ) -> None:
        whole = {**os.environ, "SAM_CLI_TELEMETRY": "0", "PYTHONUNBUFFERED": "1", **env}
        # SAM's own server ends its containers on Ctrl-C.
        command = Command(name, argv, whole, ready=ready, stop=signal.SIGINT)
        said = partial(self._on_line, name)
        self._processes.append(Process(command, self._group, said))
        self._processes[-1].wait_ready(_START_S)

    def _sam(self, what: str, port: str) -> tuple[str, ...]:
        return (
            *(str(_SAM), "local", what, "--template", str(ROOT / "template.yaml")),
            *("--host", "127.0.0.1", "--port", port, "--region", "us-east-1"),
            *("--env-vars", str(self._variables), "--docker-network", self._network),
            *("--warm-containers", "LAZY", "--skip-pull-image"),
        )

    def _mappings(self, kafka: str) -> tuple[str, ...]:
        return module(
            *(
                "lambda_esm",
                "run",
                "--template",
                str(ROOT / "template.yaml"),
                "--bootstrap-servers",
                kafka,
            ),
            # A container takes one invocation at a time.
            *("--endpoint", f"http://127.0.0.1:{self._ports.invoke}", "--concurrency", "1"),
        )

    def _write(self, keys: Keys) -> None:
        self._variables.touch(mode=0o600)
        content = function_variables(keys, self._ports)
        self._variables.write_bytes(msgspec.json.encode(content))


def _run(name: str, env: Mapping[str, str]) -> None:
    """Run a module of the project to its end.

    Raises:
        StartError: it failed.
    """
    if subprocess.run(module(name), env={**os.environ, **env}, check=False).returncode:
        raise StartError(f"{name} failed; its reason is above.")


def _show(name: str, line: str) -> None:
    print(f"{name:12} {line}", flush=True)


def main() -> int:
    """Run until Ctrl-C."""
    reason = missing()
    if reason:
        print(f"local.sam: {reason}", file=sys.stderr)
        return 2
    folder = ROOT / ".local"
    folder.mkdir(exist_ok=True)
    compose = ["docker", "compose", "-f", str(ROOT / "local" / "docker-compose.yml")]
    if subprocess.run([*compose, "up", "--detach", "--wait", *_SERVICES], check=False).returncode:
        return 1
    stopping = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    with Group() as group:
        sam = Sam(folder, os.environ.get("NETWORK", _NETWORK), group, _show)
        try:
            sam.start()
            print(f"API http://127.0.0.1:{sam.ports.api}  mails http://127.0.0.1:{sam.ports.inbox}")
            stopping.wait()
        except StartError as error:
            print(error, file=sys.stderr)
            return 1
        finally:
            sam.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
