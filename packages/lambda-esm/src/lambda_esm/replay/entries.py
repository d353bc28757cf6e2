"""Read on-failure records back: which records of which topic they speak of."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import msgspec

from lambda_esm.replay.records import Record, raw_records


class Unreadable(Exception):
    """It is not an on-failure record of a Kafka mapping."""


class Range(msgspec.Struct, frozen=True):
    """Records that only their place is known of: they are still to be read from their topic.

    Attributes:
        topic, partition: where.
        first, last: offsets, both included.
    """

    topic: str
    partition: int
    first: int
    last: int


def contents(text: bytes | str) -> list[Record | Range]:
    """What an on-failure record holds: whole records, or their places.

    Raises:
        Unreadable: it is something else.
    """
    try:
        failure = json.loads(text)
        payload = failure.get("payload")
        if payload is None:
            return list(_ranges(failure["KafkaBatchInfo"]["recordsInfo"]))
        event = json.loads(payload) if isinstance(payload, str) else payload
        return [_record(raw) for raw in raw_records(event)]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Unreadable(f"not an on-failure record: {type(error).__name__} {error}") from None


def condition(text: bytes | str) -> str:
    """Why the records were given up."""
    try:
        return str(json.loads(text)["requestContext"]["condition"])
    except (KeyError, TypeError, ValueError):
        return "unknown"


def _record(raw: dict[str, Any]) -> Record | Range:
    if "headers" in raw:
        return Record.from_event(raw)
    # Written without its content, because with it the record was too large for the destination.
    return Range(raw["topic"], raw["partition"], raw["offset"], raw["offset"])


def _ranges(info: dict[str, Any]) -> Iterable[Range]:
    for name, place in info.items():
        topic, _, partition = name.rpartition("-")
        first, last = int(place["firstRecordOffset"]), int(place["lastRecordOffset"])
        yield Range(topic, int(partition), first, last)
