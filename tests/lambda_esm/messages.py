"""Messages as the client library hands them out, without a broker."""

from __future__ import annotations

from lambda_esm.model.event import Headers


class FakeMessage:
    """What ``confluent_kafka.Message`` tells of a record."""

    def __init__(
        self,
        value: bytes | None,
        key: bytes | None = None,
        headers: Headers | None = None,
        *,
        topic: str = "topic",
        partition: int = 0,
        offset: int = 0,
    ) -> None:
        self._value, self._key, self._headers = value, key, headers
        self._place = topic, partition, offset

    def topic(self) -> str:
        return self._place[0]

    def partition(self) -> int:
        return self._place[1]

    def offset(self) -> int:
        return self._place[2]

    def timestamp(self) -> tuple[int, int]:
        return 1, 1545084650987

    def key(self) -> bytes | None:
        return self._key

    def value(self) -> bytes | None:
        return self._value

    def headers(self) -> Headers | None:
        return self._headers

    def __len__(self) -> int:
        return len(self._value or b"")
