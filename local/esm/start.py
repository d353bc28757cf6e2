"""Where a partition is read from: its committed offset, or else the mapping's starting position."""

from __future__ import annotations

from typing import Final

from confluent_kafka import OFFSET_INVALID, Consumer, TopicPartition

from local.esm.mapping import Mapping

_TIMEOUT_S: Final = 20.0


def place(
    consumer: Consumer, mapping: Mapping, partitions: list[TopicPartition]
) -> list[TopicPartition]:
    """The partitions with the offsets to begin at.

    A group that has committed goes on from there, whatever the mapping says (Developer Guide,
    "Customizable consumer group ID"). A position found by LATEST or AT_TIMESTAMP is committed at
    once, so that a restart before the first record does not skip what came in between.

    Raises:
        confluent_kafka.KafkaException: the broker cannot say.
    """
    if mapping.start == "TRIM_HORIZON":  # what auto.offset.reset does
        return partitions
    committed = consumer.committed(partitions, timeout=_TIMEOUT_S)
    new = [p for p in committed if p.offset == OFFSET_INVALID]
    if not new:
        return partitions
    if mapping.start == "LATEST":
        found = [_at(p, _end(consumer, p)) for p in new]
    else:
        found = _at_timestamp(consumer, mapping.start_timestamp_ms or 0, new)
    consumer.commit(offsets=found, asynchronous=False)
    places = {p.partition: p for p in found}
    return [places.get(p.partition, p) for p in partitions]


def _at_timestamp(
    consumer: Consumer, timestamp_ms: int, partitions: list[TopicPartition]
) -> list[TopicPartition]:
    asked = [_at(p, timestamp_ms) for p in partitions]
    found = consumer.offsets_for_times(asked, timeout=_TIMEOUT_S)
    # Nothing that late yet: the partition's end.
    return [_at(p, p.offset if p.offset >= 0 else _end(consumer, p)) for p in found]


def _end(consumer: Consumer, partition: TopicPartition) -> int:
    _, high = consumer.get_watermark_offsets(partition, timeout=_TIMEOUT_S)
    return int(high)


def _at(partition: TopicPartition, offset: int) -> TopicPartition:
    return TopicPartition(partition.topic, partition.partition, offset)
