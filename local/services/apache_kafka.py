"""Apache Kafka 4 on this machine without a container: KRaft, so no ZooKeeper anywhere.

Each node is broker and controller at once. One node replicates nothing; with three, every record
is on three and acknowledged by at least two, so one may be lost.

``python -m local.services.apache_kafka`` runs a cluster that has the topics of the system, and
says in a line where it listens.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Final, Self
from uuid import uuid4

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from local.ports import HOST
from local.process import Command, Group, Process, StartError, module
from local.services.kafka_jars import class_path, java
from local.services.kafka_properties import Listener, server_properties
from shared.bus.topic_admin import ensure_topics

NAME: Final = "apache-kafka"
JARS: Final = Path(__file__).parents[2] / ".local" / "kafka-jars"

_START_S: Final = 60.0  # a slow machine with three nodes
# Enough to hand over. A node that misses the majority of controllers would wait for it in vain,
# and what Kafka has acknowledged survives its process.
_STOP_S: Final = 5.0
_LOGGING: Final = "-Dorg.slf4j.simpleLogger."
# The serial collector and a small heap start fastest, and a laptop runs much beside this.
_JVM: Final = ("-Xmx384m", "-XX:+UseSerialGC", f"{_LOGGING}defaultLogLevel=warn")


def command(directory: Path, brokers: int = 1, port: int = 0) -> Command:
    """Return the command of a cluster; its ready line has ``address`` (the bootstrap servers).

    Args:
        directory, brokers, port: as for :class:`ApacheKafka`.

    Raises:
        local.services.kafka_jars.KafkaUnavailable: this machine cannot run it.
    """
    class_path(JARS)  # fetched here, so that it does not count as a slow start
    given = ("--directory", str(directory), "--brokers", str(brokers), "--port", str(port))
    return Command(
        name=NAME,
        argv=module("local.services.apache_kafka", *given),
        env=os.environ,
        ready=r"Apache Kafka listens on (?P<address>\S+)$",
    )


class ApacheKafka:
    """A cluster on loopback. Its nodes are numbered from 1.

    Args:
        directory: the nodes' data; what an earlier cluster has left there is taken up again.
        brokers: 1, or 3 to be able to lose one.
        port: of the first node, the others follow; 0 takes free ones.
        on_line: called with each line that a node logs, from a thread of its own.
        listeners: ways in beside the usual one, for a single node.

    Attributes:
        bootstrap_servers: ``host:port`` of every node, comma-separated.
    """

    def __init__(
        self,
        directory: Path,
        brokers: int = 1,
        port: int = 0,
        on_line: Callable[[str], None] | None = None,
        listeners: Sequence[Listener] = (),
    ) -> None:
        ports = range(port, port + 2 * brokers) if port else _free_ports(2 * brokers)
        self._ports = dict(enumerate(ports[:brokers], 1))
        self._controller_ports = dict(enumerate(ports[brokers:], 1))
        self._directory, self._on_line, self._listeners = directory, on_line, listeners
        self._running: dict[int, Process] = {}
        self._group: Group | None = None
        self.bootstrap_servers = ",".join(f"{HOST}:{port}" for port in self._ports.values())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pids(self) -> dict[int, int]:
        """The process id of each node that was started and neither stopped nor killed."""
        return {node: process.pid for node, process in self._running.items()}

    def start(self, node: int | None = None) -> None:
        """Start one node, or all, and wait until every node that runs serves.

        Raises:
            local.services.kafka_jars.KafkaUnavailable: this machine cannot run it.
            local.process.StartError: a node ended, or was not ready in time.
        """
        launch = (java(), *_JVM, "-cp", class_path(JARS))
        nodes = self._chosen(node)
        self._prepare(nodes, launch)
        self._group = self._group or Group()
        try:
            for one in nodes:
                argv = (*launch, "kafka.Kafka", str(self._home(one) / "server.properties"))
                started = Command(f"{NAME} node {one}", argv, os.environ)
                self._running[one] = Process(started, self._group, self._on_line)
            self._await_nodes()
        except BaseException:
            self.kill()
            raise

    def stop(self, node: int | None = None) -> None:
        """Stop one node, or all, as an operator would: leadership is handed over first."""
        stopping = [self._running.pop(one) for one in self._chosen(node) if one in self._running]
        for process in stopping:
            process.ask()
        for process in stopping:
            process.wait_end(_STOP_S)
        self._close_group()

    def kill(self, node: int | None = None) -> None:
        """End one node, or all, as a crash would (SIGKILL)."""
        for one in self._chosen(node):
            if one in self._running:
                self._running.pop(one).kill()
        self._close_group()

    def _chosen(self, node: int | None) -> list[int]:
        return list(self._ports) if node is None else [node]

    def _home(self, node: int) -> Path:
        return self._directory / f"node-{node}"

    def _close_group(self) -> None:
        if self._group and not self._running:
            self._group.close()
            self._group = None

    def _prepare(self, nodes: list[int], launch: tuple[str, ...]) -> None:
        """Write each node's configuration, and format the storage of new ones.

        Raises:
            local.process.StartError: Kafka refuses the configuration.
        """
        for node in nodes:
            self._home(node).mkdir(parents=True, exist_ok=True)
            data = self._home(node) / "data"
            text = server_properties(
                node, self._ports, self._controller_ports, data, self._listeners
            )
            (self._home(node) / "server.properties").write_text(text)
        new = [one for one in nodes if not (self._home(one) / "data/meta.properties").exists()]
        formatting = [self._format(node, launch) for node in new]
        for process in formatting:
            said, _ = process.communicate()
            if process.returncode:
                raise StartError(f"Kafka cannot format its storage: {said.decode()}")

    def _format(self, node: int, launch: tuple[str, ...]) -> subprocess.Popen[bytes]:
        tool = ("-XX:TieredStopAtLevel=1", "kafka.tools.StorageTool", "format")
        given = ("-t", self._cluster_id(), "-c", str(self._home(node) / "server.properties"))
        return subprocess.Popen(
            (*launch, *tool, *given), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def _cluster_id(self) -> str:
        """Return the id that all nodes share, kept beside their data."""
        file = self._directory / "cluster-id"
        if not file.exists():
            # Kafka's UUIDs are in base64url; its tool takes a leading dash for an option.
            encoded = urlsafe_b64encode(uuid4().bytes).decode().rstrip("=")
            file.write_text(encoded.replace("-", "A"))
        return file.read_text()

    def _await_nodes(self) -> None:
        """Wait until every running node serves and knows of all that run."""
        deadline = time.monotonic() + _START_S
        for node, process in self._running.items():
            asked = _quiet_client(self._ports[node])
            while not _known_nodes(asked) >= self._running.keys():
                if process.exit_code is not None or time.monotonic() > deadline:
                    lines = [f"{process.command.name} is not ready", *process.last_lines]
                    raise StartError("\n  ".join(lines))


def _quiet_client(port: int) -> AdminClient:
    """Return a client that logs nothing while no broker listens yet."""
    return AdminClient(
        {
            "bootstrap.servers": f"{HOST}:{port}",
            "reconnect.backoff.ms": 20,
            "reconnect.backoff.max.ms": 50,
            "log_level": 0,
        }
    )


def _known_nodes(asked: AdminClient) -> set[int]:
    try:
        return set(asked.list_topics(timeout=0.2).brokers)
    except KafkaException:
        return set()


def _free_ports(count: int) -> list[int]:
    """Return free ports, all different."""
    held = [socket.create_server((HOST, 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


def main() -> None:
    """Run a cluster with the topics of the system until a signal ends it."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--directory", type=Path, default=JARS.with_name("kafka"))
    parser.add_argument("--brokers", type=int, choices=(1, 3), default=1)
    parser.add_argument("--port", type=int, default=9092)
    given = parser.parse_args()
    ended = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    try:
        with ApacheKafka(given.directory.resolve(), given.brokers, given.port, print) as kafka:
            ensure_topics(AdminClient({"bootstrap.servers": kafka.bootstrap_servers}))
            print(f"Apache Kafka listens on {kafka.bootstrap_servers}", flush=True)
            ended.wait()
    except StartError as error:
        parser.exit(1, f"{error}\n")


if __name__ == "__main__":
    main()
