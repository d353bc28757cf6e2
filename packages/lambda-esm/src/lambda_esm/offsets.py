"""The command ``lambda-esm offsets``: show or set the offsets of the mappings' consumer groups."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from confluent_kafka import Consumer, KafkaException, TopicPartition

from lambda_esm.connect.brokers import probe
from lambda_esm.connect.client import client_config
from lambda_esm.errors import EsmError
from lambda_esm.options import add_kafka_client, add_template, kafka_settings, parse
from lambda_esm.template.selection import read_mappings

HELP: Final = "show how far the mappings are, or set them back or forward"
DESCRIPTION: Final = """\
Show each mapping's consumer group, its committed offset and the end of each partition.

With --to, commit other offsets for one topic; its mapping goes on from there when it starts.
Stop or disable the mapping before: the command must be the only member of the group.
"""
EPILOG: Final = """\
examples:
  lambda-esm offsets --bootstrap-servers localhost:9092
  lambda-esm offsets --bootstrap-servers localhost:9092 --topic orders --to earliest
  lambda-esm offsets --bootstrap-servers localhost:9092 --topic orders --to 2026-11-24T12:00:00Z
"""

_TIMEOUT_S: Final = 20.0


class PartitionOffsets(NamedTuple):
    """A partition's committed offset (the oldest record's when there is none), and its end."""

    partition: TopicPartition
    committed: int
    end: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    add_template(parser)
    parser.add_argument("--topic", help="only this topic; --to needs it (default: all)")
    parser.add_argument(
        "--to",
        metavar="earliest|latest|TIME",
        help="commit the oldest or newest offset, or the first at a time in ISO 8601",
    )
    add_kafka_client(parser)


def run(args: argparse.Namespace) -> None:
    """Show, and with ``--to`` set, the offsets that the command line names.

    Raises:
        EsmError: the brokers cannot be used, or the group has other members.
    """
    if args.to and not args.topic:
        raise EsmError("--to needs --topic.")
    settings = kafka_settings(args)
    connection = {**client_config(settings), **dict(args.kafka_property)}
    groups = _groups(args.template, settings.kafka_bootstrap_servers)
    try:
        for topic in [args.topic] if args.topic else groups:
            if topic not in groups:
                raise EsmError(f"No mapping reads {topic}; there are: {', '.join(sorted(groups))}.")
            _show(connection, topic, groups[topic], args.to)
    except KafkaException as error:
        raise EsmError(f"{error.args[0].str()}.") from None


def partition_offsets(consumer: Consumer, topic: str) -> Iterator[PartitionOffsets]:
    """Yield the offsets of the consumer's group in each partition of a topic."""
    numbers = consumer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic].partitions
    asked = [TopicPartition(topic, number) for number in sorted(numbers)]
    for found in consumer.committed(asked, timeout=_TIMEOUT_S):
        low, end = consumer.get_watermark_offsets(found, timeout=_TIMEOUT_S)
        yield PartitionOffsets(found, max(low, found.offset), end)


def reset(consumer: Consumer, topic: str, to: str) -> None:
    """Join the group and commit other offsets.

    Args:
        consumer: of the group.
        topic: whose offsets to commit.
        to: ``earliest``, ``latest``, or a time in ISO 8601.

    Raises:
        EsmError: ``to`` is none of these, or the group has other members.
        KafkaException: the broker does not take them.
    """
    wanted = _wanted(consumer, list(partition_offsets(consumer, topic)), to)
    consumer.subscribe([topic])
    deadline = time.monotonic() + _TIMEOUT_S
    while len(consumer.assignment()) < len(wanted):
        if time.monotonic() > deadline:
            raise EsmError(f"{topic} is being read: stop or disable its mapping first.")
        consumer.poll(0.1)  # what it gives is not committed
    consumer.commit(offsets=wanted, asynchronous=False)


def _wanted(
    consumer: Consumer, current: Sequence[PartitionOffsets], to: str
) -> list[TopicPartition]:
    if to == "latest":
        return [_at(each, each.end) for each in current]
    if to == "earliest":
        return [
            _at(each, consumer.get_watermark_offsets(each.partition, timeout=_TIMEOUT_S)[0])
            for each in current
        ]
    try:
        moment = datetime.fromisoformat(to)
    except ValueError:
        raise EsmError(f"{to} is neither earliest nor latest nor a time in ISO 8601.") from None
    at_ms = int(moment.astimezone(UTC).timestamp() * 1000)
    asked = [_at(each, at_ms) for each in current]
    found = consumer.offsets_for_times(asked, timeout=_TIMEOUT_S)
    return [
        _at(each, first.offset if first.offset >= 0 else each.end)
        for each, first in zip(current, found, strict=True)
    ]


def _at(offsets: PartitionOffsets, offset: int) -> TopicPartition:
    return TopicPartition(offsets.partition.topic, offsets.partition.partition, offset)


def _groups(template: Path, servers: str) -> dict[str, str]:
    """Return the consumer group of each topic that a mapping reads."""
    arguments = ["--template", str(template), "--bootstrap-servers", servers]
    return {each.topic: each.group_id for each in read_mappings(parse(arguments))}


def _show(connection: dict[str, Any], topic: str, group: str, to: str | None) -> None:
    protocol = probe(connection, _TIMEOUT_S).protocol
    member = {"group.id": group, "group.protocol": protocol, "enable.auto.commit": False}
    if protocol == "classic":  # the mappings' own assignor
        member["partition.assignment.strategy"] = "cooperative-sticky"
    consumer = Consumer({**connection, **member})
    try:
        if to is not None:
            reset(consumer, topic, to)
        for found in partition_offsets(consumer, topic):
            behind = found.end - found.committed
            sys.stdout.write(
                f"{topic}-{found.partition.partition} group={group}"
                f" committed={found.committed} end={found.end} behind={behind}\n"
            )
    finally:
        consumer.close()
