"""Faults of Kafka: frozen, restarted, a broker of three lost, topics delivered once more.

Kafka's clients connect to the address that the broker tells them, so no proxy stands in between. A
broker that is stopped where it stands (SIGSTOP) is what a lost route looks like: its connections
stay open and nothing comes.
"""

from __future__ import annotations

import os
import time

from confluent_kafka import Message

from shared.contract.envelope import DEADLINE, Headers
from tests.faults.brokers import freeze, thaw
from tests.faults.fault import Act, Fault
from tests.faults.world import World

_FROZEN_S = 3.0
_LOST_S = 5.0
_AHEAD_MS = 60_000


def _frozen(world: World) -> None:
    pids = list(world.broker.pids())
    freeze(pids)
    world.hold(_FROZEN_S)
    thaw(pids)


def _restarted(*, killed: bool) -> Act:
    def act(world: World) -> None:
        world.broker.end(1, killed=killed)
        world.broker.begin(1)

    return act


def _one_lost(world: World) -> None:
    world.broker.end(2, killed=True)
    world.hold(_LOST_S)
    world.broker.begin(2)


def _again(*, in_time: bool) -> Act:
    """All records of all topics once more, as they were or with a deadline that is ahead."""

    def act(world: World) -> None:
        for topic in world.records.topics:
            for message in world.records.read(topic):
                world.records.write(
                    topic,
                    message.value(),
                    key=message.key(),
                    partition=message.partition() or 0,
                    headers=_headers(message, in_time=in_time),
                )
        world.records.flush()

    return act


def _headers(message: Message, *, in_time: bool) -> Headers:
    headers: Headers = list(dict(message.headers() or ()).items())
    if not in_time:
        return headers
    ahead = str(int(time.time() * 1000) + _AHEAD_MS).encode()
    return [(name, ahead if name == DEADLINE else value) for name, value in headers]


def _needs_disk() -> str:
    apache = os.environ.get("KAFKA") == "apache"
    return "" if apache else "the embedded broker keeps nothing (KAFKA=apache)"


def _needs_three() -> str:
    three = os.environ.get("BROKERS") == "3"
    return _needs_disk() or ("" if three else "needs three brokers (KAFKA=apache BROKERS=3)")


FAULTS = (
    Fault("Kafka: frozen, all connections half-open", _frozen),
    Fault("Kafka: a broker restarted", _restarted(killed=False), _needs_disk),
    Fault("Kafka: a broker killed and started", _restarted(killed=True), _needs_disk),
    Fault("Kafka: one of three lost for 5 s", _one_lost, _needs_three),
    Fault("all topics once more, as they were", _again(in_time=False)),
    Fault("all topics once more, before their deadline", _again(in_time=True)),
)
