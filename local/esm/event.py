"""The event that Lambda hands to a function, built from Kafka messages.

Shapes: Lambda Developer Guide, "Using Lambda with Amazon MSK" and "... self-managed Apache
Kafka"; what recorded events show and the guide does not say is in docs/event-source-mapping.md.
"""

from __future__ import annotations

from binascii import b2a_base64
from typing import Any, Final, Protocol

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME

from local.esm.mappings import Mapping


class KafkaRecord(Protocol):
    """A confluent_kafka ``Message`` that is a record and no error: then nothing of this is None."""

    def topic(self) -> str: ...  # noqa: D102 - Kafka's own words
    def partition(self) -> int: ...  # noqa: D102
    def offset(self) -> int: ...  # noqa: D102
    def timestamp(self) -> tuple[int, int]: ...  # noqa: D102
    def key(self) -> bytes | None: ...  # noqa: D102
    def value(self) -> bytes | None: ...  # noqa: D102
    def headers(self) -> list[tuple[str, bytes | None]] | None: ...  # noqa: D102
    def __len__(self) -> int: ...


# Records by partition, each partition's in order.
Records = dict[int, list[KafkaRecord]]

# The members' names and punctuation of one record as JSON, with room for the numbers.
_RECORD_BYTES: Final = 190


def aws_record(message: KafkaRecord) -> dict[str, Any]:
    """One element of ``records``. A null key and a tombstone's null value have no member."""
    kind, timestamp = message.timestamp()
    record: dict[str, Any] = {
        "topic": message.topic(),
        "partition": message.partition(),
        "offset": message.offset(),
        "timestamp": timestamp,
        "timestampType": (
            "LOG_APPEND_TIME" if kind == TIMESTAMP_LOG_APPEND_TIME else "CREATE_TIME"
        ),
    }
    key, value, headers = message.key(), message.value(), message.headers()
    if key is not None:
        record["key"] = b2a_base64(key, newline=False).decode("ascii")
    if value is not None:
        record["value"] = b2a_base64(value, newline=False).decode("ascii")
    # Java's bytes are signed, and so are the numbers.
    record["headers"] = (
        [{name: list(memoryview(raw or b"").cast("b"))} for name, raw in headers] if headers else []
    )
    return record


def aws_event(mapping: Mapping, records: Records) -> dict[str, Any]:
    """The event for one invocation."""
    event: dict[str, Any] = {
        "eventSource": "aws:kafka" if mapping.source_arn else "SelfManagedKafka"
    }
    if mapping.source_arn:
        event["eventSourceArn"] = mapping.source_arn
    event["bootstrapServers"] = ",".join(mapping.servers)
    event["records"] = {
        f"{mapping.topic}-{partition}": list(map(aws_record, messages))
        for partition, messages in records.items()
    }
    return event


def json_bytes(message: KafkaRecord) -> int:
    """An upper bound of the size of one record as JSON, in bytes."""
    size = _RECORD_BYTES + len(message.topic()) + (len(message) + 2) // 3 * 4
    key, headers = message.key(), message.headers()
    if key is not None:
        size += (len(key) + 2) // 3 * 4
    # A byte takes at most five characters ("-128,"), a character of a name six ("\\u0000").
    return size + sum(6 * len(name) + 5 * len(raw or b"") + 8 for name, raw in headers or ())
