"""The broker as something that faults happen to: the embedded one, or Apache Kafka."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from confluent_kafka.admin import AdminClient

from local.process import Group
from local.services import broker
from local.services.apache_kafka import ApacheKafka
from shared.bus.topic_admin import ensure_topics
from tests.services import start


class Broker(Protocol):
    """A cluster of one node or three.

    Attributes:
        address: bootstrap servers.
        keeps: whether a restart keeps its records.
    """

    address: str
    keeps: bool

    def pids(self) -> Iterable[int]:
        """Of its processes."""
        ...

    def end(self, node: int, *, killed: bool) -> None:
        """Stop a node in good order, or kill it."""
        ...

    def begin(self, node: int) -> None:
        """Start it again."""
        ...


class Embedded:
    """librdkafka's mock cluster in a process: its end is the end of all records."""

    keeps = False

    def __init__(self, group: Group, stack: ExitStack) -> None:
        self._process, told = start(broker.command(), group)
        stack.callback(self._process.stop)
        self.address = told["address"]

    def pids(self) -> Iterable[int]:
        """See :class:`Broker`."""
        return [self._process.pid]

    def end(self, node: int, *, killed: bool) -> None:
        """Not to be done: it keeps nothing."""
        raise NotImplementedError

    def begin(self, node: int) -> None:
        """See :meth:`end`."""
        raise NotImplementedError


class Apache:
    """Apache Kafka."""

    keeps = True

    def __init__(self, folder: Path, nodes: int, stack: ExitStack) -> None:
        self._kafka = stack.enter_context(ApacheKafka(folder, nodes))
        self.address = self._kafka.bootstrap_servers
        ensure_topics(AdminClient({"bootstrap.servers": self.address}))

    def pids(self) -> Iterable[int]:
        """See :class:`Broker`."""
        return self._kafka.pids.values()

    def end(self, node: int, *, killed: bool) -> None:
        """See :class:`Broker`."""
        (self._kafka.kill if killed else self._kafka.stop)(node)

    def begin(self, node: int) -> None:
        """See :class:`Broker`."""
        self._kafka.start(node)


def open_broker(folder: Path, group: Group, stack: ExitStack) -> Broker:
    """The one that ``KAFKA=apache`` and ``BROKERS`` ask for."""
    if os.environ.get("KAFKA") == "apache":
        return Apache(folder, int(os.environ.get("BROKERS", "1")), stack)
    return Embedded(group, stack)


def freeze(pids: Iterable[int]) -> None:
    """Stop processes where they stand; their connections stay open."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)


def thaw(pids: Iterable[int]) -> None:
    """Let them go on."""
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
