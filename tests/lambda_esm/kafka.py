"""A client's view of the broker: make topics, write records, read what is committed."""

from __future__ import annotations

import itertools
import uuid
from typing import Any

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from tests.services import PATIENCE_S

Headers = list[tuple[str, str | bytes | None]]

PARTITIONS = 4


class Kafka:
    """Talks to one broker.

    Args:
        servers: its address.
        embedded: whether it is the embedded one, which makes topics when they are first asked for.
    """

    _numbers = itertools.count(1)

    def __init__(self, servers: str, *, embedded: bool) -> None:
        self.servers, self.embedded = servers, embedded
        self.fetch_wait_ms = 5 if embedded else 500
        self._producer = Producer(
            {
                "bootstrap.servers": servers,
                "message.max.bytes": 64 << 20,
                "log_level": 3,
                # A new topic's leader may refuse the first record: the next must not overtake it.
                "max.in.flight.requests.per.connection": 1,
            }
        )

    def topic(self, name: str = "") -> str:
        """Make a topic with four partitions, and return its name."""
        made = f"esm.{name or 'topic'}-{next(self._numbers)}-{uuid.uuid4().hex[:8]}"
        if self.embedded:
            self._producer.list_topics(made, timeout=30)
        else:
            self.create(made)
        return made

    def create(self, topic: str, **config: str) -> None:
        """Make a topic as an administrator does; in its settings' names ``_`` stands for a dot.

        Nothing is deleted by its age unless the settings say so: many records of tests carry a
        time of long ago, and a broker looks for them soon after its start.
        """
        admin = AdminClient({"bootstrap.servers": self.servers})
        given = {"retention_ms": "-1", **config}
        settings = {name.replace("_", "."): value for name, value in given.items()}
        made = NewTopic(topic, PARTITIONS, 1, config=settings)
        admin.create_topics([made])[topic].result(30)

    def write(
        self,
        topic: str,
        *values: str | bytes | None,
        partition: int = 0,
        key: bytes | None = None,
        headers: Headers | None = None,
        timestamp_ms: int = 0,
    ) -> None:
        """Write records, in order, and wait until the broker has them."""
        errors: list[Any] = []
        for value in values:
            self._producer.produce(
                topic,
                value,
                key,
                partition,
                on_delivery=lambda error, _: errors.append(error),
                timestamp=timestamp_ms,
                headers=headers or [],
            )
        assert self._producer.flush(30) == 0
        assert not any(errors), errors

    def read(self, topic: str, count: int, timeout: float = PATIENCE_S) -> list[Message]:
        """Return the first ``count`` records of a topic, over all partitions."""
        consumer = self._consumer("reader")
        partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
        consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
        found = consumer.consume(count, timeout)
        consumer.close()
        return found

    def committed(self, group: str, topic: str) -> dict[int, int]:
        """Return the offsets a group has committed; partitions without one are left out."""
        consumer = self._consumer(group)
        asked = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        try:
            answer = consumer.committed(asked, timeout=30)
        except KafkaException:  # no such group yet
            return {}
        finally:
            consumer.close()
        return {place.partition: place.offset for place in answer if place.offset >= 0}

    def _consumer(self, group: str) -> Consumer:
        return Consumer(
            {
                "bootstrap.servers": self.servers,
                "group.id": group,
                "enable.auto.commit": False,
                "fetch.wait.max.ms": self.fetch_wait_ms,
            }
        )
