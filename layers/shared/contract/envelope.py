"""The envelope: what a record's headers say about the request, its reply and its deadline.

The names beginning with ``kafka_`` are NestJS's (``@nestjs/microservices``, Kafka transport), so
that a NestJS service can stand on either side. Ours are additional and optional.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

import msgspec

CORRELATION_ID = "kafka_correlationId"
REPLY_TOPIC = "kafka_replyTopic"
REPLY_PARTITION = "kafka_replyPartition"
NEST_ERROR = "kafka_nest-err"
NEST_IS_DISPOSED = "kafka_nest-is-disposed"
DEADLINE = "deadline"
REQUEST_ID = "x-request-id"
TRACEPARENT = "traceparent"
IDEMPOTENCY_KEY = "idempotency-key"

# What confluent-kafka takes and gives; ours are always bytes.
Headers = list[tuple[str, str | bytes | None]]

# NestJS clients end their stream on the presence of this header; its value is one zero byte.
_DISPOSED = b"\x00"


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """The headers of one record.

    Attributes:
        correlation_id: names the request; the reply carries it back.
        reply_topic, reply_partition: where the requester reads. Absent on an event.
        deadline_ms: Unix time in milliseconds after which the requester does not wait any more.
        request_id: the HTTP request (``x-request-id``) at the origin.
        traceparent: W3C Trace Context.
        idempotency_key: the sender's name for this one effect, the same on every retry.
    """

    correlation_id: str | None = None
    reply_topic: str | None = None
    reply_partition: int | None = None
    deadline_ms: int | None = None
    request_id: str | None = None
    traceparent: str | None = None
    idempotency_key: str | None = None

    @classmethod
    def from_headers(cls, headers: Iterable[tuple[str, str | bytes | None]]) -> Envelope:
        """Read the headers. The last of a repeated header counts; an unreadable one does not."""
        found = {name: _text(value) for name, value in headers}
        return cls(
            correlation_id=found.get(CORRELATION_ID),
            reply_topic=found.get(REPLY_TOPIC),
            reply_partition=_number(found.get(REPLY_PARTITION)),
            deadline_ms=_number(found.get(DEADLINE)),
            request_id=found.get(REQUEST_ID),
            traceparent=found.get(TRACEPARENT),
            idempotency_key=found.get(IDEMPOTENCY_KEY),
        )

    def to_headers(self) -> Headers:
        """Return the headers of a request or an event; None is left out."""
        named = (
            (CORRELATION_ID, self.correlation_id),
            (REPLY_TOPIC, self.reply_topic),
            (REPLY_PARTITION, self.reply_partition),
            (DEADLINE, self.deadline_ms),
            (REQUEST_ID, self.request_id),
            (TRACEPARENT, self.traceparent),
            (IDEMPOTENCY_KEY, self.idempotency_key),
        )
        return [(name, str(value).encode()) for name, value in named if value is not None]

    @property
    def expects_reply(self) -> bool:
        """Whether it is a request; NestJS's rule: both correlation id and reply topic are there."""
        return bool(self.correlation_id and self.reply_topic)

    @property
    def expired(self) -> bool:
        """Whether the requester has given up by now."""
        return self.deadline_ms is not None and time.time() * 1000 > self.deadline_ms

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the deadline, never below zero; None without a deadline."""
        if self.deadline_ms is None:
            return None
        return max(0.0, self.deadline_ms / 1000 - time.time())


def reply_headers(request: Envelope, error: bytes | None = None) -> Headers:
    """Return the headers of the reply to ``request``.

    Args:
        request: the request's envelope; it has a correlation id.
        error: the JSON of a refusal, or None. NestJS takes an empty error header for a
            completion without a value, so it is left out rather than sent empty.
    """
    headers: Headers = [(CORRELATION_ID, (request.correlation_id or "").encode())]
    if request.request_id:
        headers.append((REQUEST_ID, request.request_id.encode()))
    if error:
        headers.append((NEST_ERROR, error))
    headers.append((NEST_IS_DISPOSED, _DISPOSED))
    return headers


def _text(value: str | bytes | None) -> str | None:
    try:
        return value.decode() if isinstance(value, bytes) and value else None
    except UnicodeDecodeError:
        return None


def _number(value: str | None) -> int | None:
    try:
        return int(value) if value else None
    except ValueError:
        return None
