"""The topics, seen from outside: what is in them, and how far the mappings are behind."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition

from lambda_esm.options import parse
from lambda_esm.template.selection import read_mappings
from shared.contract.envelope import Headers

_TEMPLATE = Path(__file__).parents[2] / "template.yaml"


class Records:
    """Reads and writes all topics.

    Args:
        servers: of the broker.
        embedded: whether it is the embedded one.
    """

    def __init__(self, servers: str, *, embedded: bool) -> None:
        self._config = {
            "bootstrap.servers": servers,
            "log_level": 0,  # brokers go and come here
            "fetch.wait.max.ms": 5 if embedded else 500,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
        }
        given = ["--template", str(_TEMPLATE), "--bootstrap-servers", servers]
        self._groups = {each.topic: each.group_id for each in read_mappings(parse(given))}
        self._consumers: dict[str, Consumer] = {}
        self._producer = Producer(
            {"bootstrap.servers": servers, "log_level": 0, "message.max.bytes": 8 << 20}
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for consumer in self._consumers.values():
            consumer.close()

    @property
    def topics(self) -> list[str]:
        """Those that mappings read."""
        return list(self._groups)

    def lag(self) -> int:
        """Records that no mapping has settled yet, or -1 while the broker cannot say."""
        try:
            return sum(self._lag(topic, group) for topic, group in self._groups.items())
        except KafkaException:
            return -1

    def read(self, topic: str) -> list[Message]:
        """All records of a topic."""
        consumer = self._consumer("reader")
        places = self._places(consumer, topic)
        consumer.assign([TopicPartition(topic, number, 0) for number in places])
        found, ends = [], 0
        while ends < len(places):
            message = consumer.poll(10)
            if message is None:
                raise AssertionError(f"{topic} cannot be read to its end")
            if message.error() is None:
                found.append(message)
            else:
                ends += 1
        consumer.unassign()
        return found

    def write(
        self,
        topic: str,
        value: bytes | None,
        *,
        key: bytes | None = None,
        headers: Headers | None = None,
        partition: int = -1,
    ) -> None:
        """Write one record; :meth:`flush` waits for it."""
        self._producer.produce(topic, value, key, partition, headers=headers or [])

    def flush(self) -> None:
        """Wait until all is written."""
        assert self._producer.flush(30) == 0

    def _lag(self, topic: str, group: str) -> int:
        consumer = self._consumer(group)
        places = [TopicPartition(topic, number) for number in self._places(consumer, topic)]
        committed = {p.partition: p.offset for p in consumer.committed(places, timeout=30)}
        behind = 0
        for place in places:
            low, high = consumer.get_watermark_offsets(place, timeout=30)
            behind += high - max(low, committed[place.partition])
        return behind

    def _places(self, consumer: Consumer, topic: str) -> list[int]:
        return list(consumer.list_topics(topic, timeout=30).topics[topic].partitions)

    def _consumer(self, group: str) -> Consumer:
        if group not in self._consumers:
            self._consumers[group] = Consumer({**self._config, "group.id": group})
        return self._consumers[group]
