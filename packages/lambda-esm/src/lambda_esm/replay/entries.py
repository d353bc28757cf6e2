"""On-failure records, read back: which records of which topic they are about."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import msgspec

from lambda_esm.replay.records import OriginalRecord, raw_records


class Unreadable(Exception):
    """The text is not an on-failure record of a Kafka mapping."""


class OffsetRange(msgspec.Struct, frozen=True):
    """A range of records whose content the on-failure record lacks; their topic may have it.

    Attributes:
        topic, partition: where they are.
        first, last: offsets, both included.
    """

    topic: str
    partition: int
    first: int
    last: int


def read_entry(text: bytes | str) -> list[OriginalRecord | OffsetRange]:
    """Return what an on-failure record holds: whole records, or ranges of them.

    Raises:
        Unreadable: the text is something else.
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
    """Return why the records were discarded."""
    try:
        return str(json.loads(text)["requestContext"]["condition"])
    except (KeyError, TypeError, ValueError):
        return "unknown"


def _record(raw: dict[str, Any]) -> OriginalRecord | OffsetRange:
    if "headers" in raw:
        return OriginalRecord.from_event(raw)
    # Written without its content, because with it the record was too large for the destination.
    return OffsetRange(raw["topic"], raw["partition"], raw["offset"], raw["offset"])


def _ranges(info: dict[str, Any]) -> Iterable[OffsetRange]:
    for name, range_info in info.items():
        topic, _, partition = name.rpartition("-")
        first, last = int(range_info["firstRecordOffset"]), int(range_info["lastRecordOffset"])
        yield OffsetRange(topic, int(partition), first, last)
