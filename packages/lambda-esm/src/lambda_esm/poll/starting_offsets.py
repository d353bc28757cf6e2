"""Where a partition is read from: its committed offset, or else the mapping's starting position."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from confluent_kafka import OFFSET_INVALID, Consumer, TopicPartition

from lambda_esm.model.event import KafkaMessage
from lambda_esm.model.mapping import Mapping

_TIMEOUT_S: Final = 20.0


class StartingOffsets:
    """Finds the offsets to begin at, and skips what lies before a point in time where it has to.

    A group that has committed goes on from there, whatever the mapping says (Developer Guide,
    "Customizable consumer group ID"). A position found by LATEST or AT_TIMESTAMP is committed at
    once, so that a restart before the first record does not skip what came in between.
    """

    def __init__(self, mapping: Mapping) -> None:
        self._position = mapping.starting_position
        self._timestamp_ms = mapping.starting_position_timestamp_ms or 0
        self._searching: set[int] = set()

    def find(self, consumer: Consumer, partitions: list[TopicPartition]) -> list[TopicPartition]:
        """Return the partitions with the offsets to begin at.

        Raises:
            confluent_kafka.KafkaException: the broker cannot say.
        """
        self._searching -= {p.partition for p in partitions}
        if self._position == "TRIM_HORIZON":  # what auto.offset.reset does
            return partitions
        committed = consumer.committed(partitions, timeout=_TIMEOUT_S)
        new = [p for p in committed if p.offset == OFFSET_INVALID]
        if self._position == "LATEST":
            found = [_at(p, _watermarks(consumer, p)[1]) for p in new]
        else:
            found = self._at_timestamp(consumer, new)
        if found:
            consumer.commit(offsets=found, asynchronous=False)
        by_number = {p.partition: p for p in found}
        return [by_number.get(p.partition, p) for p in partitions]

    def skip_earlier(self, number: int, messages: list[KafkaMessage]) -> list[KafkaMessage]:
        """Return the messages of a partition that do not lie before the starting position."""
        if number not in self._searching:
            return messages
        for index, message in enumerate(messages):
            if message.timestamp()[1] >= self._timestamp_ms:
                self._searching.discard(number)
                return messages[index:]
        return []

    def _at_timestamp(
        self, consumer: Consumer, partitions: list[TopicPartition]
    ) -> list[TopicPartition]:
        found = []
        for partition in _offsets_at(consumer, self._timestamp_ms, partitions):
            if partition.offset >= 0:
                found.append(partition)
            elif _can_search_by_time(consumer, partition):  # nothing that late yet: its end
                found.append(_at(partition, _watermarks(consumer, partition)[1]))
            else:
                self._searching.add(partition.partition)  # from the oldest record on
        return found


def _can_search_by_time(consumer: Consumer, partition: TopicPartition) -> bool:
    """Return whether the broker can; librdkafka's mock cluster always answers with the end."""
    low, high = _watermarks(consumer, partition)
    return low == high or _offsets_at(consumer, 0, [partition])[0].offset >= 0


def _offsets_at(
    consumer: Consumer, timestamp_ms: int, partitions: Iterable[TopicPartition]
) -> list[TopicPartition]:
    asked = [_at(p, timestamp_ms) for p in partitions]
    return consumer.offsets_for_times(asked, timeout=_TIMEOUT_S) if asked else []


def _watermarks(consumer: Consumer, partition: TopicPartition) -> tuple[int, int]:
    low, high = consumer.get_watermark_offsets(partition, timeout=_TIMEOUT_S)
    return int(low), int(high)


def _at(partition: TopicPartition, offset: int) -> TopicPartition:
    return TopicPartition(partition.topic, partition.partition, offset)
