"""The consumer of one mapping: how librdkafka is told to behave as Lambda's poller does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from confluent_kafka import KafkaError, TopicPartition

from local.esm.mapping import Mapping

GroupProtocol = Literal["consumer", "classic"]


def consumer_config(
    mapping: Mapping,
    connection: dict[str, Any],
    protocol: GroupProtocol,
    fetch_wait_ms: int,
    on_statistics: Callable[[str], None],
    on_commit: Callable[[KafkaError | None, list[TopicPartition]], None],
) -> dict[str, Any]:
    """The configuration (librdkafka's CONFIGURATION.md).

    Args:
        mapping: whose group to join.
        connection: addresses and security.
        protocol: ``consumer`` is KIP-848, which Apache Kafka 4 has; ``classic`` works everywhere.
        fetch_wait_ms: how long a broker may hold an empty fetch.
        on_statistics: told the state of the group, as JSON, each second.
        on_commit: told how commits ended.
    """
    config: dict[str, Any] = {
        **connection,
        "group.id": mapping.group_id,
        "group.protocol": protocol,
        "client.id": f"esm-{mapping.logical_id}",
        # Offsets are stored when a batch is settled, and committed soon after; a store for a
        # partition that has gone is refused, so nothing is committed for its new owner.
        "enable.auto.offset.store": False,
        "enable.auto.commit": True,
        "auto.commit.interval.ms": 100,
        "on_commit": on_commit,
        # A position that retention has overtaken goes on at the oldest record there is.
        "auto.offset.reset": "earliest",
        "fetch.wait.max.ms": fetch_wait_ms,
        "fetch.error.backoff.ms": 50,
        "queued.max.messages.kbytes": 32 * 1024,
        # By default a full queue keeps the next fetch back for a second, however soon it is empty.
        "fetch.queue.backoff.ms": 10,
        # A topic may be made after its mapping.
        "topic.metadata.refresh.interval.ms": 10_000,
        "statistics.interval.ms": 1000,
        "stats_cb": on_statistics,
    }
    if protocol == "classic":
        config["partition.assignment.strategy"] = "cooperative-sticky"
    return config
