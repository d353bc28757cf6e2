"""Bring a cluster's topics to what :mod:`shared.contract.topics` states; safe to repeat.

Never takes anything away: a topic with more partitions than stated keeps them (Kafka cannot
remove one), and a topic that is not listed is not touched.

``python -m shared.bus.topic_admin`` does it on the cluster of ``KAFKA_BOOTSTRAP_SERVERS``.
"""

from __future__ import annotations

import logging
import os
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

from shared.bus.producer import client_config
from shared.config.logs import configure
from shared.config.secrets import environment
from shared.config.settings import KafkaSettings, command, load
from shared.contract.topics import TOPICS, Topic

log = logging.getLogger(__name__)

Config = dict[str, str]

_DAY_MS: Final = 24 * 60 * 60_000
# librdkafka and brokers since 2.4 (KIP-464): the cluster's default.replication.factor.
_CLUSTER_DEFAULT: Final = -1
_TIMEOUT_S: Final = 30.0


class TopicChanges(msgspec.Struct, frozen=True):
    """What was done, as topic names; three empty lists when all was right already."""

    created: list[str]
    grown: list[str]
    configured: list[str]


def ensure_topics(
    admin: AdminClient, topics: Iterable[Topic] = TOPICS, *, roll_segments: bool = True
) -> TopicChanges:
    """Create missing topics, add missing partitions, set the retention.

    Args:
        admin: a client of the cluster; replicas follow the cluster's defaults.
        topics: as they shall be.
        roll_segments: also set when a segment is closed. MSK Serverless refuses that (MSK
            Developer Guide, "Configuration properties for MSK Serverless clusters").

    Raises:
        confluent_kafka.KafkaException: the cluster cannot be reached or refuses.
        TimeoutError: the cluster accepts, and then does not do it.
    """
    wanted = {topic.name: topic for topic in topics}
    configs = {name: _config(topic, roll_segments) for name, topic in wanted.items()}
    there = _partitions(admin)
    missing = [topic for topic in wanted.values() if topic.name not in there]
    changes = TopicChanges(
        created=_create(admin, missing, configs),
        grown=_grow(admin, [t for t in wanted.values() if 0 < there.get(t.name, 0) < t.partitions]),
        configured=_configure(admin, {name: configs[name] for name in wanted if name in there}),
    )
    _await_partitions(admin, wanted)
    log.info("topics are as stated", extra={"changes": msgspec.to_builtins(changes)})
    return changes


def _partitions(admin: AdminClient) -> dict[str, int]:
    """Return the number of partitions of each topic, as the brokers know it now."""
    found = admin.list_topics(timeout=_TIMEOUT_S).topics
    return {name: len(topic.partitions) for name, topic in found.items()}


def _await_partitions(admin: AdminClient, wanted: Mapping[str, Topic]) -> None:
    """Wait until the brokers know what the controller has done.

    Raises:
        TimeoutError: they do not know it within the usual timeout.
    """
    deadline = time.monotonic() + _TIMEOUT_S
    while time.monotonic() < deadline:
        there = _partitions(admin)
        if all(there.get(name, 0) >= topic.partitions for name, topic in wanted.items()):
            return
        time.sleep(0.01)
    raise TimeoutError("The brokers do not know the topics that were created.")


def _create(admin: AdminClient, topics: list[Topic], configs: Mapping[str, Config]) -> list[str]:
    if not topics:
        return []
    new = [
        NewTopic(topic.name, topic.partitions, _CLUSTER_DEFAULT, config=configs[topic.name])
        for topic in topics
    ]
    pending = admin.create_topics(new, operation_timeout=_TIMEOUT_S)
    return sorted(name for name, result in pending.items() if _is_ours(result))


def _is_ours(created: Future[None]) -> bool:
    """Return whether this call created the topic.

    Another deployment at the same time may have: its topic has the same shape.
    """
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


def _configure(admin: AdminClient, configs: Mapping[str, Config]) -> list[str]:
    if not configs:
        return []
    described = admin.describe_configs([ConfigResource(ResourceType.TOPIC, n) for n in configs])
    now = {resource.name: pending.result() for resource, pending in described.items()}
    differing = [name for name, config in configs.items() if _changes(config, now[name])]
    if not differing:
        return []
    resources = [_resource(name, configs[name]) for name in differing]
    for changed in admin.incremental_alter_configs(resources).values():
        changed.result()
    return sorted(differing)


def _config(topic: Topic, roll_segments: bool) -> Config:
    """Return a topic's configuration: its retention, and when a segment is closed.

    Kafka deletes whole segments, and the one being written only once its youngest record is too
    old. With the default segment of a week, "ten minutes" would mean a week on a busy topic. So a
    record lives for its retention and, at most, for as long again or a day longer.
    """
    config = {"retention.ms": str(topic.retention_ms)}
    if roll_segments:
        config["segment.ms"] = str(min(topic.retention_ms, _DAY_MS))
    return config


def _changes(config: Config, now: dict[str, ConfigEntry]) -> bool:
    return any(now[name].value != value for name, value in config.items())


def _resource(name: str, config: Config) -> ConfigResource:
    entries = [
        ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
        for key, value in config.items()
    ]
    return ConfigResource(ResourceType.TOPIC, name, incremental_configs=entries)


@command
def main() -> None:
    """Run the command; its one line of log says what it has changed."""
    settings = load(KafkaSettings, environment(os.environ))
    configure("topics", settings)
    ensure_topics(AdminClient(client_config(settings)))


if __name__ == "__main__":
    main()
