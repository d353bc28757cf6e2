"""Parts of a batch: what is still to be delivered of it, and how to cut it further."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import msgspec

from local.esm.event import KafkaRecord, Records, json_bytes


class Piece(msgspec.Struct, frozen=True):
    """Records that are invoked together.

    Attributes:
        records: by partition.
        retries: how often they have been sent again.
    """

    records: Records
    retries: int = 0

    def __len__(self) -> int:
        return sum(map(len, self.records.values()))

    def halves(self) -> tuple[Piece, Piece]:
        """The first half and the second, in order; a split takes no retry."""
        first, second = split_at(self.records, len(self) // 2)
        return Piece(first, self.retries), Piece(second, self.retries)

    def first_offset(self, number: int) -> int | None:
        """The lowest offset of one partition in here."""
        messages = self.records.get(number)
        return messages[0].offset() if messages else None


def split_at(records: Records, count: int) -> tuple[Records, Records]:
    """The first ``count`` records and the others, both by partition and in order."""
    first: Records = {}
    second: Records = {}
    for number, messages in records.items():
        if count:
            first[number] = messages[:count]
        if count < len(messages):
            second[number] = messages[count:]
        count = max(0, count - len(messages))
    return first, second


def fitting(records: Records, limit: int) -> int:
    """How many of the records, from the first on, fit into ``limit`` bytes of JSON."""
    size = count = 0
    for message in _each(records):
        size += json_bytes(message)
        if size > limit:
            return count
        count += 1
    return count


def split_by_age(records: Records, age_s: int) -> tuple[Records, Records]:
    """The records that are older than ``age_s`` seconds, and the others."""
    oldest_ms = (time.time() - age_s) * 1000
    old = select(records, lambda message: message.timestamp()[1] < oldest_ms)
    return old, select(records, lambda message: message.timestamp()[1] >= oldest_ms)


def select(records: Records, wanted: Callable[[KafkaRecord], bool]) -> Records:
    """The records for which ``wanted`` says yes."""
    kept = {number: list(filter(wanted, messages)) for number, messages in records.items()}
    return {number: messages for number, messages in kept.items() if messages}


def _each(records: Records) -> Iterable[KafkaRecord]:
    return (message for messages in records.values() for message in messages)
