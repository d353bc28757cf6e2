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


class KafkaMessage(Protocol):
    """A confluent_kafka ``Message`` that is a record and no error.

    confluent_kafka types each of these as possibly None, which only an error's are.
    """

    def topic(self) -> str:
        """Return the topic's name."""
        ...

    def partition(self) -> int:
        """Return the partition's number."""
        ...

    def offset(self) -> int:
        """Return the offset in the partition."""
        ...

    def timestamp(self) -> tuple[int, int]:
        """Return the timestamp's type and the Unix time in milliseconds."""
        ...

    def key(self) -> bytes | None:
        """Return the key."""
        ...

    def value(self) -> bytes | None:
        """Return the value; None is a tombstone."""
        ...

    def headers(self) -> Headers | None:
        """Return the headers in the order produced."""
        ...

    def __len__(self) -> int: ...


class Record(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One record of a partition that is known from the context.

    Attributes:
        offset: where it stands in its partition.
        timestamp_type: confluent_kafka's number for it.
        timestamp_ms: Unix time in milliseconds.
        key, value: bytes; None for a null key and for a tombstone.
        headers: in the order produced, repeats kept.
    """

    offset: int
    timestamp_type: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers | None


# By partition, each partition's in order.
Records = dict[int, list[Record]]

_TIMESTAMP_TYPES: Final = {
    TIMESTAMP_CREATE_TIME: "CREATE_TIME",
    TIMESTAMP_LOG_APPEND_TIME: "LOG_APPEND_TIME",
}
# The members' names and punctuation of one record as JSON, with room for the numbers.
_RECORD_BYTES: Final = 190


class EventSource:
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
    def of_cluster(cls, topic: str, servers: tuple[str, ...], arn: str | None) -> EventSource:
        """Return the source for an MSK cluster's ARN, or for self-managed Kafka without one."""
        name = {"eventSource": "aws:kafka" if arn else "SelfManagedKafka"}
        cluster = {"eventSourceArn": arn} if arn else {}
        return cls(topic, {**name, **cluster, "bootstrapServers": ",".join(servers)})

    def event(self, records: Records) -> dict[str, Any]:
        """Return the event for one invocation."""
        topic = self.topic
        by_partition = {
            f"{topic}-{number}": [_record(topic, number, record) for record in partition]
            for number, partition in records.items()
        }
        return {**self.members, "records": by_partition}

    def json_bytes(self, records: Records) -> int:
        """Return the size of the event as JSON, in bytes."""
        return len(msgspec.json.encode(self.event(records)))


def records_of(messages: dict[int, list[KafkaMessage]]) -> Records:
    """Return the messages of each partition as plain values."""
    return {
        number: [Record(m.offset(), *m.timestamp(), m.key(), m.value(), m.headers()) for m in each]
        for number, each in messages.items()
    }


def _record(topic: str, partition: int, record: Record) -> dict[str, Any]:
    """Return one element of ``records``; a null key or value has no member."""
    element: dict[str, Any] = {
        "topic": topic,
        "partition": partition,
        "offset": record.offset,
        "timestamp": record.timestamp_ms,
        "timestampType": _TIMESTAMP_TYPES.get(record.timestamp_type, "NO_TIMESTAMP_TYPE"),
    }
    if record.key is not None:
        element["key"] = b2a_base64(record.key, newline=False).decode("ascii")
    if record.value is not None:
        element["value"] = b2a_base64(record.value, newline=False).decode("ascii")
    headers = record.headers
    element["headers"] = [{name: _signed(raw)} for name, raw in headers] if headers else []
    return element


def _signed(raw: bytes | None) -> list[int]:
    # Java's bytes are signed, and so are the numbers.
    return memoryview(raw or b"").cast("b").tolist()


def most_json_bytes(topic: str, records: list[Record]) -> int:
    """Return an upper bound of the records' size as JSON, in bytes.

    It is asked for every record, so it is as cheap as it can be.
    """
    data = sum([len(r.key or b"") + len(r.value or b"") for r in records])
    # base64 makes four bytes of three, and fills up to a whole four.
    size = data * 4 // 3 + len(records) * (_RECORD_BYTES + len(topic) + 8)
    headers = [r.headers for r in records if r.headers]
    if headers:
        # A byte takes at most five characters ("-128,"), a character of a name six ("\\u0000").
        size += sum(
            [6 * len(name) + 5 * len(raw or b"") + 8 for each in headers for name, raw in each]
        )
    return size
