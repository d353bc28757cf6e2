"""The command: show how far the mappings are, or set them back or forward.

Shows each mapping's consumer group, its committed offset and the end of each partition. With
``--to`` it commits other offsets for one topic, from where its mapping goes on when it starts. The
mapping must be stopped, or disabled, before: offsets are set by the only member of the group.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from confluent_kafka import Consumer, KafkaException, TopicPartition

from lambda_esm.connect.brokers import probe
from lambda_esm.connect.client import client_config
from lambda_esm.errors import EsmError
from lambda_esm.options import add_kafka_client, kafka_settings, parse
from lambda_esm.template.selection import read_mappings

_TIMEOUT_S: Final = 20.0


class Place(NamedTuple):
    """One partition: what is committed (the oldest record when nothing is), and its end."""

    partition: TopicPartition
    committed: int
    end: int


HELP: Final = "show how far the mappings are, or set them back or forward"


def run(given: argparse.Namespace) -> None:
    """Show, and with ``--to`` set, what the command line names.

    Raises:
        EsmError: the brokers cannot be used, or the group has other members.
    """
    if given.to and not given.topic:
        raise EsmError("--to needs --topic.")
    settings = kafka_settings(given)
    connection = {**client_config(settings), **dict(given.kafka_property)}
    groups = _groups(given.template, settings.kafka_bootstrap_servers)
    try:
        for topic in [given.topic] if given.topic else groups:
            if topic not in groups:
                raise EsmError(f"No mapping reads {topic}.")
            _one(connection, topic, groups[topic], given.to)
    except KafkaException as error:
        raise EsmError(f"{error.args[0].str()}.") from None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "--template", type=Path, default=Path("template.yaml"), help="(template.yaml)"
    )
    parser.add_argument("--topic", help="only this one; needed to set offsets")
    parser.add_argument("--to", metavar="earliest|latest|TIME", help="set the offsets of the topic")
    add_kafka_client(parser)


def places(consumer: Consumer, topic: str) -> Iterator[Place]:
    """Where a group is in each partition of a topic."""
    numbers = consumer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic].partitions
    asked = [TopicPartition(topic, number) for number in sorted(numbers)]
    for found in consumer.committed(asked, timeout=_TIMEOUT_S):
        low, end = consumer.get_watermark_offsets(found, timeout=_TIMEOUT_S)
        yield Place(found, max(low, found.offset), end)


def reset(consumer: Consumer, topic: str, to: str) -> None:
    """Join the group and commit other offsets.

    Args:
        to: ``earliest``, ``latest``, or a time in ISO 8601.

    Raises:
        EsmError: it is none of these, or the group has other members.
        KafkaException: the broker does not take them.
    """
    wanted = _wanted(consumer, list(places(consumer, topic)), to)
    consumer.subscribe([topic])
    deadline = time.monotonic() + _TIMEOUT_S
    while len(consumer.assignment()) < len(wanted):
        if time.monotonic() > deadline:
            raise EsmError(f"{topic} is being read: stop or disable its mapping first.")
        consumer.poll(0.1)  # what it gives is not committed
    consumer.commit(offsets=wanted, asynchronous=False)


def _wanted(consumer: Consumer, found: Sequence[Place], to: str) -> list[TopicPartition]:
    if to == "latest":
        return [_at(each, each.end) for each in found]
    if to == "earliest":
        lows = (
            consumer.get_watermark_offsets(each.partition, timeout=_TIMEOUT_S) for each in found
        )
        return [_at(each, low) for each, (low, _) in zip(found, lows, strict=True)]
    try:
        moment = datetime.fromisoformat(to)
    except ValueError:
        raise EsmError(f"{to} is neither earliest nor latest nor a time in ISO 8601.") from None
    at_ms = int(moment.astimezone(UTC).timestamp() * 1000)
    asked = [_at(each, at_ms) for each in found]
    first = consumer.offsets_for_times(asked, timeout=_TIMEOUT_S)
    return [
        _at(each, place.offset if place.offset >= 0 else each.end)
        for each, place in zip(found, first, strict=True)
    ]


def _at(place: Place, offset: int) -> TopicPartition:
    return TopicPartition(place.partition.topic, place.partition.partition, offset)


def _groups(template: Path, servers: str) -> dict[str, str]:
    given = ["--template", str(template), "--bootstrap-servers", servers]
    return {each.topic: each.group_id for each in read_mappings(parse(given))}


def _one(connection: dict[str, Any], topic: str, group: str, to: str | None) -> None:
    protocol = probe(connection, _TIMEOUT_S).protocol
    member = {"group.id": group, "group.protocol": protocol, "enable.auto.commit": False}
    if protocol == "classic":  # that of the mappings
        member["partition.assignment.strategy"] = "cooperative-sticky"
    consumer = Consumer({**connection, **member})
    try:
        if to is not None:
            reset(consumer, topic, to)
        for found in places(consumer, topic):
            behind = found.end - found.committed
            _say(
                f"{topic}-{found.partition.partition} group={group}"
                f" committed={found.committed} end={found.end} behind={behind}"
            )
    finally:
        consumer.close()


def _say(text: str) -> None:
    print(text)
