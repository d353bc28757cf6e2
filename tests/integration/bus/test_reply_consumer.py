"""Where a gateway reads its replies: on a partition that is there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.services.broker import Broker
from shared.bus.reply_consumer import ReplyConsumer
from shared.config.settings import KafkaSettings
from shared.contract.errors import Unavailable
from shared.contract.topics import GATEWAY_REPLY


@pytest.fixture
def own_broker() -> Broker:
    """Start a broker without topics."""
    return Broker()


@pytest.fixture
def replies(own_broker: Broker) -> Iterator[ReplyConsumer]:
    settings = KafkaSettings(kafka_bootstrap_servers=own_broker.address, kafka_fetch_wait_ms=5)
    replies = ReplyConsumer(settings, GATEWAY_REPLY)
    yield replies
    replies.close()


def test_a_topic_with_fewer_partitions_than_stated_is_read(
    own_broker: Broker, replies: ReplyConsumer
) -> None:
    own_broker.create_topic(GATEWAY_REPLY, 1)

    replies.ensure_assigned()

    assert replies.partition == 0


def test_without_the_topic_there_is_no_place(replies: ReplyConsumer) -> None:
    with pytest.raises(Unavailable, match=r"gateway\.reply does not exist"):
        replies.ensure_assigned()

    assert replies.partition is None
