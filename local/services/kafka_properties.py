"""How a node of a small Apache Kafka on loopback is configured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from local.ports import HOST


class Listener(NamedTuple):
    """One more way in, beside the one in the clear (Kafka's documentation, "Security").

    Attributes:
        name: in capitals.
        protocol: ``SSL`` or ``SASL_SSL``.
        port: on loopback.
        settings: of this listener alone, without their prefix ``listener.name.<name>.``.
    """

    name: str
    protocol: str
    port: int
    settings: Mapping[str, str]


def server_properties(
    node: int,
    ports: Mapping[int, int],
    controller_ports: Mapping[int, int],
    data: Path,
    listeners: Sequence[Listener] = (),
) -> str:
    """Return a node's ``server.properties``: broker and KRaft controller in one.

    Args:
        node: its number.
        ports, controller_ports: of every node of the cluster, by number.
        data: its folder for records.
        listeners: beside the usual ones.
    """
    voters = (f"{one}@{HOST}:{port}" for one, port in controller_ports.items())
    broker, controller = f"{HOST}:{ports[node]}", f"{HOST}:{controller_ports[node]}"
    settings = {
        "process.roles": "broker,controller",
        "node.id": node,
        "controller.quorum.voters": ",".join(voters),
        "listeners": ",".join(
            [
                f"PLAINTEXT://{broker}",
                f"CONTROLLER://{controller}",
                *(f"{each.name}://{HOST}:{each.port}" for each in listeners),
            ]
        ),
        "listener.security.protocol.map": ",".join(
            [
                "PLAINTEXT:PLAINTEXT",
                "CONTROLLER:PLAINTEXT",
                *(f"{each.name}:{each.protocol}" for each in listeners),
            ]
        ),
        "controller.listener.names": "CONTROLLER",
        "log.dirs": data,
        # A topic that is not stated is a mistake, and shall look like one.
        "auto.create.topics.enable": "false",
        **_replication(len(ports)),
        **_TIMES,
        **{
            f"listener.name.{each.name.lower()}.{name}": value
            for each in listeners
            for name, value in each.settings.items()
        },
    }
    return "".join(f"{name}={_escaped(value)}\n" for name, value in settings.items())


def _escaped(value: object) -> str:
    """Java's properties end with their line."""
    return str(value).replace("\\", "\\\\").replace("\n", "\\n")


def _replication(nodes: int) -> dict[str, int]:
    """Put every record on every node, acknowledged by all but one."""
    in_sync = max(1, nodes - 1)
    internal = ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic")
    return {
        "default.replication.factor": nodes,
        "min.insync.replicas": in_sync,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.min.isr": in_sync,
        **{f"{name}.replication.factor": nodes for name in internal},
        **{f"{name}.num.partitions": 3 for name in internal},
    }


_TIMES = {
    # A killed node is known to be gone, and is let in again, soon (default: 9 s).
    "broker.session.timeout.ms": 3_000,
    "broker.heartbeat.interval.ms": 500,
    # The same for a killed member of a group (default: 45 s).
    "group.consumer.min.session.timeout.ms": 6_000,
    "group.consumer.session.timeout.ms": 6_000,
    "group.consumer.min.heartbeat.interval.ms": 1_000,
    "group.consumer.heartbeat.interval.ms": 1_000,
    # Groups start at once; the default waits 3 s for members that come together.
    "group.initial.rebalance.delay.ms": 0,
}
