"""The event that Lambda hands to a function, built from Kafka records.

Shapes: Lambda Developer Guide, "Using Lambda with Amazon MSK" and "... self-managed Apache
Kafka"; what recorded events show and the guide does not say is in docs/event-source-mapping.md.
"""

from __future__ import annotations

from binascii import b2a_base64
from functools import lru_cache
from typing import Any, Final, Protocol

import msgspec
from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_LOG_APPEND_TIME

Headers = list[tuple[str, bytes | None]]


class KafkaRecord(Protocol):
    """A confluent_kafka ``Message`` that is a record and no error: then nothing of this is None."""

    def topic(self) -> str: ...  # noqa: D102 - Kafka's own words
    def partition(self) -> int: ...  # noqa: D102
    def offset(self) -> int: ...  # noqa: D102
    def timestamp(self) -> tuple[int, int]: ...  # noqa: D102
    def key(self) -> bytes | None: ...  # noqa: D102
    def value(self) -> bytes | None: ...  # noqa: D102
    def headers(self) -> Headers | None: ...  # noqa: D102
    def __len__(self) -> int: ...


# One record: offset, (kind of timestamp, Unix ms), key, value, headers. A plain tuple, because
# there are very many of them.
Row = tuple[int, tuple[int, int], bytes | None, bytes | None, Headers | None]
# Records by partition, each partition's in order.
Rows = dict[int, list[Row]]

_TIMESTAMP_TYPES: Final = {
    TIMESTAMP_CREATE_TIME: "CREATE_TIME",
    TIMESTAMP_LOG_APPEND_TIME: "LOG_APPEND_TIME",
}
# The members' names and punctuation of one record as JSON, with room for the numbers.
_RECORD_BYTES: Final = 190


class Source:
    """What all events of one mapping have in common.

    Args:
        topic: the mapping's.
        members: what stands beside ``records``.

    Attributes:
        empty_bytes: the size of an event without records, as JSON.
    """

    def __init__(self, topic: str, members: dict[str, str]) -> None:
        self.topic = topic
        self.members = members
        self.empty_bytes = self.json_bytes({})

    @classmethod
    @lru_cache
    def of_cluster(cls, topic: str, servers: tuple[str, ...], arn: str | None) -> Source:
        """Of MSK if there is its ARN, of self-managed Kafka otherwise."""
        named = {"eventSourceArn": arn} if arn else {}
        kind = {"eventSource": "aws:kafka" if arn else "SelfManagedKafka"}
        return cls(topic, {**kind, **named, "bootstrapServers": ",".join(servers)})

    def event(self, rows: Rows) -> dict[str, Any]:
        """The event for one invocation."""
        topic = self.topic
        records = {
            f"{topic}-{number}": [_record(topic, number, *row) for row in partition]
            for number, partition in rows.items()
        }
        return {**self.members, "records": records}

    def json_bytes(self, rows: Rows) -> int:
        """The size of the event as JSON, in bytes."""
        return len(msgspec.json.encode(self.event(rows)))


def rows_of(records: dict[int, list[KafkaRecord]]) -> Rows:
    """The records as plain values."""
    return {
        number: [(m.offset(), m.timestamp(), m.key(), m.value(), m.headers()) for m in messages]
        for number, messages in records.items()
    }


def _record(
    topic: str,
    partition: int,
    offset: int,
    stamp: tuple[int, int],
    key: bytes | None,
    value: bytes | None,
    headers: Headers | None,
) -> dict[str, Any]:
    """One element of ``records``. A null key and a tombstone's null value have no member."""
    record: dict[str, Any] = {
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "timestamp": stamp[1],
        "timestampType": _TIMESTAMP_TYPES.get(stamp[0], "NO_TIMESTAMP_TYPE"),
    }
    if key is not None:
        record["key"] = b2a_base64(key, newline=False).decode("ascii")
    if value is not None:
        record["value"] = b2a_base64(value, newline=False).decode("ascii")
    record["headers"] = [{name: _signed(raw)} for name, raw in headers] if headers else []
    return record


def _signed(raw: bytes | None) -> list[int]:
    # Java's bytes are signed, and so are the numbers.
    return memoryview(raw or b"").cast("b").tolist()


def most_json_bytes(topic: str, rows: list[Row]) -> int:
    """An upper bound of the size of records as JSON, in bytes; as cheap as it can be."""
    data = sum([len(key or b"") + len(value or b"") for _, _, key, value, _ in rows])
    # base64 makes four bytes of three, and fills up to a whole four.
    size = data * 4 // 3 + len(rows) * (_RECORD_BYTES + len(topic) + 8)
    headers = [row[4] for row in rows if row[4]]
    if headers:
        # A byte takes at most five characters ("-128,"), a character of a name six ("\\u0000").
        size += sum(
            [6 * len(name) + 5 * len(raw or b"") + 8 for each in headers for name, raw in each]
        )
    return size
