"""Where a partition is read from: its committed offset, or else the mapping's starting position."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from confluent_kafka import OFFSET_INVALID, Consumer, TopicPartition

from lambda_esm.model.event import KafkaRecord
from lambda_esm.model.mapping import Mapping

_TIMEOUT_S: Final = 20.0


class Start:
    """Finds the places, and passes over what lies before a point in time where it has to.

    A group that has committed goes on from there, whatever the mapping says (Developer Guide,
    "Customizable consumer group ID"). A position found by LATEST or AT_TIMESTAMP is committed at
    once, so that a restart before the first record does not skip what came in between.
    """

    def __init__(self, mapping: Mapping) -> None:
        self._mapping = mapping
        self._not_before_ms = mapping.start_timestamp_ms or 0
        self._searching: set[int] = set()

    def place(self, consumer: Consumer, partitions: list[TopicPartition]) -> list[TopicPartition]:
        """The partitions with the offsets to begin at.

        Raises:
            confluent_kafka.KafkaException: the broker cannot say.
        """
        self._searching -= {p.partition for p in partitions}
        if self._mapping.start == "TRIM_HORIZON":  # what auto.offset.reset does
            return partitions
        committed = consumer.committed(partitions, timeout=_TIMEOUT_S)
        new = [p for p in committed if p.offset == OFFSET_INVALID]
        if self._mapping.start == "LATEST":
            found = [_at(p, _ends(consumer, p)[1]) for p in new]
        else:
            found = self._at_timestamp(consumer, new)
        if found:
            consumer.commit(offsets=found, asynchronous=False)
        places = {p.partition: p for p in found}
        return [places.get(p.partition, p) for p in partitions]

    def begun(self, number: int, records: list[KafkaRecord]) -> list[KafkaRecord]:
        """The records of a partition that do not lie before the start."""
        if number not in self._searching:
            return records
        for index, record in enumerate(records):
            if record.timestamp()[1] >= self._not_before_ms:
                self._searching.discard(number)
                return records[index:]
        return []

    def _at_timestamp(
        self, consumer: Consumer, partitions: list[TopicPartition]
    ) -> list[TopicPartition]:
        found = []
        for place in _first_at(consumer, self._not_before_ms, partitions):
            if place.offset >= 0:
                found.append(place)
            elif _knows_times(consumer, place):  # nothing that late yet: the partition's end
                found.append(_at(place, _ends(consumer, place)[1]))
            else:
                self._searching.add(place.partition)  # from the oldest record on
        return found


def _knows_times(consumer: Consumer, place: TopicPartition) -> bool:
    """librdkafka's mock cluster answers every search by time with the partition's end."""
    low, high = _ends(consumer, place)
    return low == high or _first_at(consumer, 0, [place])[0].offset >= 0


def _first_at(
    consumer: Consumer, timestamp_ms: int, partitions: Iterable[TopicPartition]
) -> list[TopicPartition]:
    asked = [_at(p, timestamp_ms) for p in partitions]
    return consumer.offsets_for_times(asked, timeout=_TIMEOUT_S) if asked else []


def _ends(consumer: Consumer, partition: TopicPartition) -> tuple[int, int]:
    low, high = consumer.get_watermark_offsets(partition, timeout=_TIMEOUT_S)
    return int(low), int(high)


def _at(partition: TopicPartition, offset: int) -> TopicPartition:
    return TopicPartition(partition.topic, partition.partition, offset)
