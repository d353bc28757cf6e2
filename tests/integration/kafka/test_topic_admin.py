"""Topics come to be as stated, and stay so when the deployment is repeated."""

from __future__ import annotations

from uuid import uuid4

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from shared.bus.topic_admin import TopicChanges, ensure_topics
from shared.contract.topics import TOPICS, Topic

pytestmark = pytest.mark.apache

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS


def config_of(admin: AdminClient, topic: str) -> dict[str, str]:
    pending = admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic)])
    [entries] = [described.result() for described in pending.values()]
    return {name: entry.value for name, entry in entries.items()}


def partitions_of(admin: AdminClient, topic: str) -> int:
    return len(admin.list_topics(topic, timeout=30).topics[topic].partitions)


def test_every_stated_topic_is_made_once(admin: AdminClient) -> None:
    ensure_topics(admin)
    repeated = ensure_topics(admin)

    assert repeated == TopicChanges(created=[], grown=[], configured=[])
    for topic in TOPICS:
        assert partitions_of(admin, topic.name) == topic.partitions
        assert config_of(admin, topic.name)["retention.ms"] == str(topic.retention_ms)


def test_a_topic_gets_more_partitions_and_another_retention(admin: AdminClient) -> None:
    name = f"t-{uuid4().hex}"
    ensure_topics(admin, [Topic(name, 2, _HOUR_MS)])

    changes = ensure_topics(admin, [Topic(name, 3, 2 * _DAY_MS)])

    assert changes == TopicChanges(created=[], grown=[name], configured=[name])
    assert partitions_of(admin, name) == 3
    assert config_of(admin, name)["retention.ms"] == str(2 * _DAY_MS)


def test_partitions_are_never_taken_away(admin: AdminClient) -> None:
    name = f"t-{uuid4().hex}"
    ensure_topics(admin, [Topic(name, 4, _HOUR_MS)])

    changes = ensure_topics(admin, [Topic(name, 2, _HOUR_MS)])

    assert changes == TopicChanges(created=[], grown=[], configured=[])
    assert partitions_of(admin, name) == 4


@pytest.mark.parametrize(("retention", "segment"), [(_HOUR_MS, _HOUR_MS), (9 * _DAY_MS, _DAY_MS)])
def test_a_segment_does_not_keep_records_long_past_their_retention(
    admin: AdminClient, retention: int, segment: int
) -> None:
    name = f"t-{uuid4().hex}"
    ensure_topics(admin, [Topic(name, 1, retention)])

    assert config_of(admin, name)["segment.ms"] == str(segment)
