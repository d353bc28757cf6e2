"""Bring a cluster's topics to what :mod:`shared.topics` states; safe to repeat.

Never takes anything away: a topic with more partitions than stated keeps them (Kafka cannot
remove one), and a topic that is not listed is not touched.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import Final

import msgspec
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourceType,
)

from shared.topics import TOPICS, Topic

log = logging.getLogger(__name__)

_DAY_MS: Final = 24 * 60 * 60_000
# librdkafka and brokers since 2.4 (KIP-464): the cluster's default.replication.factor.
_CLUSTER_DEFAULT: Final = -1
_TIMEOUT_S: Final = 30.0


class TopicChanges(msgspec.Struct, frozen=True):
    """What was done, by topic name; three empty lists when all was right already."""

    created: list[str]
    grown: list[str]
    configured: list[str]


def ensure_topics(admin: AdminClient, topics: Iterable[Topic] = TOPICS) -> TopicChanges:
    """Create what is missing, add partitions where there are too few, set the retention.

    Args:
        admin: a client of the cluster; replicas follow the cluster's defaults.
        topics: what there shall be.

    Raises:
        confluent_kafka.KafkaException: the cluster cannot be reached or refuses.
        TimeoutError: the cluster accepts, and then does not do it.
    """
    wanted = {topic.name: topic for topic in topics}
    there = _partitions(admin)
    changes = TopicChanges(
        created=_create(admin, [topic for topic in wanted.values() if topic.name not in there]),
        grown=_grow(admin, [t for t in wanted.values() if 0 < there.get(t.name, 0) < t.partitions]),
        configured=_configure(admin, [topic for topic in wanted.values() if topic.name in there]),
    )
    _await_partitions(admin, wanted)
    log.info("topics are as stated", extra={"changes": msgspec.to_builtins(changes)})
    return changes


def _partitions(admin: AdminClient) -> dict[str, int]:
    """How many partitions each topic has, as the brokers know it now."""
    found = admin.list_topics(timeout=_TIMEOUT_S).topics
    return {name: len(topic.partitions) for name, topic in found.items()}


def _await_partitions(admin: AdminClient, wanted: Mapping[str, Topic]) -> None:
    """Wait until brokers know what the controller has done: they learn of it a little later.

    Raises:
        TimeoutError: they do not within the usual timeout.
    """
    deadline = time.monotonic() + _TIMEOUT_S
    while time.monotonic() < deadline:
        there = _partitions(admin)
        if all(there.get(name, 0) >= topic.partitions for name, topic in wanted.items()):
            return
        time.sleep(0.01)
    raise TimeoutError("The brokers do not know the topics that were created.")


def _create(admin: AdminClient, topics: list[Topic]) -> list[str]:
    if not topics:
        return []
    new = [
        NewTopic(topic.name, topic.partitions, _CLUSTER_DEFAULT, config=_config(topic))
        for topic in topics
    ]
    pending = admin.create_topics(new, operation_timeout=_TIMEOUT_S)
    return sorted(name for name, result in pending.items() if _is_ours(result))


def _is_ours(created: Future[None]) -> bool:
    """Whether it was us; in two deployments at once, the other's topic has the same shape."""
    try:
        created.result()
    except KafkaException as error:
        if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return False
        raise
    return True


def _grow(admin: AdminClient, topics: list[Topic]) -> list[str]:
    if not topics:
        return []
    new = [NewPartitions(topic.name, topic.partitions) for topic in topics]
    pending = admin.create_partitions(new, operation_timeout=_TIMEOUT_S)
    for grown in pending.values():
        grown.result()
    return sorted(pending)


def _configure(admin: AdminClient, topics: list[Topic]) -> list[str]:
    if not topics:
        return []
    described = admin.describe_configs([ConfigResource(ResourceType.TOPIC, t.name) for t in topics])
    now = {resource.name: pending.result() for resource, pending in described.items()}
    differing = [topic for topic in topics if _changes(topic, now[topic.name])]
    if not differing:
        return []
    for changed in admin.incremental_alter_configs([_resource(t) for t in differing]).values():
        changed.result()
    return sorted(topic.name for topic in differing)


def _config(topic: Topic) -> dict[str, str]:
    """A record lives for its retention and, at most, for as long again or a day longer.

    Kafka deletes whole segments, and the one being written only once its youngest record is too
    old: with the default segment of a week, "ten minutes" would mean a week on a busy topic.
    """
    return {
        "retention.ms": str(topic.retention_ms),
        "segment.ms": str(min(topic.retention_ms, _DAY_MS)),
    }


def _changes(topic: Topic, now: dict[str, ConfigEntry]) -> bool:
    return any(now[name].value != value for name, value in _config(topic).items())


def _resource(topic: Topic) -> ConfigResource:
    entries = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        for name, value in _config(topic).items()
    ]
    return ConfigResource(ResourceType.TOPIC, topic.name, incremental_configs=entries)
