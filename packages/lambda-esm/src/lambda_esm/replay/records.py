"""From the event of Lambda's Kafka event source mapping back to plain records.

Event shapes: AWS Lambda Developer Guide, "Using Lambda with Amazon MSK" and "Using Lambda with
self-managed Apache Kafka". Both have the same ``records``.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from typing import Any

import msgspec


class OriginalRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One Kafka record, as its topic had it.

    Attributes:
        topic, partition, offset: its position.
        timestamp_ms: Unix time in milliseconds.
        key, value: bytes; None for a null key and for a tombstone.
        headers: in the order produced, repeats kept.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]

    @classmethod
    def from_event(cls, raw: Mapping[str, Any]) -> OriginalRecord:
        """Read one element of ``records`` in the AWS event.

        Header bytes arrive as signed numbers (Java's byte: -128..127). A tombstone has no
        ``value`` member.
        """
        return cls(
            topic=raw["topic"],
            partition=raw["partition"],
            offset=raw["offset"],
            timestamp_ms=raw["timestamp"],
            key=_decoded(raw.get("key")),
            value=_decoded(raw.get("value")),
            headers=tuple(
                (name, None if value is None else bytes(byte & 0xFF for byte in value))
                for header in raw.get("headers") or ()
                for name, value in header.items()
            ),
        )


def raw_records(event: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return all records of an AWS Kafka event, each partition's in order."""
    return [raw for partition in event["records"].values() for raw in partition]


def _decoded(value: str | None) -> bytes | None:
    return None if value is None else b64decode(value)
