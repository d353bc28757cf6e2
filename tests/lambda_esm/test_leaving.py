"""A stop ends, whatever the Kafka client does: a group that cannot be left is not waited for."""

from __future__ import annotations

from collections.abc import Iterator
from threading import BoundedSemaphore, Event
from typing import Any, cast

import pytest
from confluent_kafka import Consumer

from lambda_esm.batch.batcher import Batcher
from lambda_esm.deliver.delivery import Delivery
from lambda_esm.deliver.workers import Workers
from lambda_esm.model.backoff import BackoffPolicy
from lambda_esm.observe.metrics import Metrics
from lambda_esm.observe.observer import Observer
from lambda_esm.poll.poller import Poller
from tests.lambda_esm.test_batcher import LIMIT, a_mapping
from tests.lambda_esm.test_delivery import Function, a_batch


class NeverLeaves:
    """A consumer without records, whose ``close`` does not return before it is let go."""

    def __init__(self) -> None:
        self.polled, self.closing, self.let_go = Event(), Event(), Event()

    def subscribe(self, topics: list[str], **callbacks: Any) -> None:
        """Join, in its way."""

    def poll(self, timeout: float) -> None:
        self.polled.set()
        self.closing.wait(timeout)

    def assignment(self) -> list[Any]:
        return []

    def pause(self, partitions: list[Any]) -> None:
        """There are none."""

    resume = pause

    def close(self) -> None:
        self.closing.set()
        self.let_go.wait()


@pytest.fixture
def consumer() -> Iterator[NeverLeaves]:
    consumer = NeverLeaves()
    yield consumer
    consumer.let_go.set()


def test_a_group_that_cannot_be_left_is_not_waited_for(
    consumer: NeverLeaves, caplog: pytest.LogCaptureFixture
) -> None:
    mapping, stopping = a_mapping(), Event()
    failures: list[BaseException] = []
    batcher, observer = Batcher(mapping, LIMIT), Observer(mapping, Metrics())
    slots = BoundedSemaphore(1)
    function = Function([], a_batch({}))
    delivery = Delivery(mapping, function, None, slots, stopping, observer, BackoffPolicy(), LIMIT)
    workers = Workers(mapping, batcher, delivery, slots, stopping, failures.append)
    poller = Poller(mapping, batcher, observer, None, stopping, failures.append, once=False)
    poller.start([lambda: cast("Consumer", consumer)], workers)
    assert consumer.polled.wait(10)

    stopping.set()
    poller.join(leave_s=0.05)

    assert consumer.closing.is_set()
    assert "the group was not left in time" in caplog.text
    assert failures == []
