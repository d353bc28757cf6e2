"""The events that Lambda's Kafka event source mapping sends.

``kafka_msk.json``: AWS Lambda Developer Guide, "Using Lambda with Amazon MSK", the example event.
``kafka_self_managed.json``: the shape of "Using Lambda with self-managed Apache Kafka", with a
record that a user captured (no ``eventSourceArn``, a source name without ``aws:``).
``kafka_edge_cases.json``: ours, by the field rules that users found: a tombstone has no ``value``,
a null key no ``key``; header bytes are signed; a header may be repeated or empty; a topic's name
may have dots and dashes; one event may hold several partitions.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable
from pathlib import Path
from typing import Any

NAMES = ("kafka_msk", "kafka_self_managed", "kafka_edge_cases")


def load(name: str) -> dict[str, Any]:
    """One of the events of this folder."""
    event: dict[str, Any] = json.loads(Path(__file__).with_name(f"{name}.json").read_bytes())
    return event


def record(
    topic: str,
    value: bytes | None,
    *,
    key: bytes | None = None,
    headers: Iterable[tuple[str, bytes]] = (),
    partition: int = 0,
    offset: int = 0,
) -> dict[str, Any]:
    """An element of ``records``, otherwise like the one in AWS's example."""
    made: dict[str, Any] = load("kafka_msk")["records"]["mytopic-0"][0]
    del made["key"], made["value"]
    made |= {"topic": topic, "partition": partition, "offset": offset}
    if key is not None:
        made["key"] = b64encode(key).decode()
    if value is not None:
        made["value"] = b64encode(value).decode()
    made["headers"] = [{name: [_signed(byte) for byte in text]} for name, text in headers]
    return made


def event(*records: dict[str, Any]) -> dict[str, Any]:
    """AWS's example event with these records in place of its own."""
    made = load("kafka_msk")
    made["records"] = {}
    for each in records:
        name = f"{each['topic']}-{each['partition']}"
        made["records"].setdefault(name, []).append(each)
    return made


def failures(answer: dict[str, Any]) -> list[tuple[str, int]]:
    """What a partial batch response lists: partition name and offset."""
    items = (item["itemIdentifier"] for item in answer["batchItemFailures"])
    return [(item["partition"], item["offset"]) for item in items]


def _signed(byte: int) -> int:
    return byte - 256 if byte > 127 else byte
