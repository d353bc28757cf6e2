"""Parts of a batch: what is still to be delivered of it, and how to cut it further."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from lambda_esm.model.event import EventSource, Record, Records, most_json_bytes


class BatchSlice(msgspec.Struct, frozen=True):
    """Records of a batch that are invoked together.

    Attributes:
        records: by partition.
        retries: how often they have been sent again.
    """

    records: Records
    retries: int = 0

    def __len__(self) -> int:
        return sum(map(len, self.records.values()))

    def split(self, count: int) -> list[BatchSlice]:
        """Return the first ``count`` records and the others, in order; neither uses a retry."""
        first, second = _split(self.records, count)
        return [BatchSlice(first, self.retries), BatchSlice(second, self.retries)]

    def halves(self) -> list[BatchSlice]:
        """Return the first half and the second."""
        return self.split(len(self) // 2)

    def split_by_age(self, age_s: int) -> tuple[BatchSlice, BatchSlice]:
        """Return the records that are older than ``age_s`` seconds, and the others."""
        oldest_ms = (time.time() - age_s) * 1000
        old = self._where(lambda record: record.timestamp_ms < oldest_ms)
        if not old.records:
            return old, self
        return old, self._where(lambda record: record.timestamp_ms >= oldest_ms)

    def fitting(self, source: EventSource, limit: int) -> int:
        """Return how many records, from the first on, fit into ``limit`` bytes of JSON.

        An upper bound is counted, because the exact size costs as much as the event itself. The
        exact size decides only where not even one record seems to fit.
        """
        size, count = source.empty_bytes, 0
        if size + sum(most_json_bytes(source.topic, r) for r in self.records.values()) <= limit:
            return len(self)
        for number, records in self.records.items():
            for record in records:
                size += most_json_bytes(source.topic, [record])
                if size > limit:
                    return count or int(source.json_bytes({number: [record]}) <= limit)
                count += 1
        return count

    def first_offset(self, number: int) -> int | None:
        """Return the lowest offset of one partition; None when it has no record here."""
        records = self.records.get(number)
        return records[0].offset if records else None

    def _where(self, wanted: Callable[[Record], bool]) -> BatchSlice:
        kept = {number: list(filter(wanted, records)) for number, records in self.records.items()}
        return BatchSlice(
            {number: records for number, records in kept.items() if records}, self.retries
        )


def _split(records: Records, count: int) -> tuple[Records, Records]:
    first: Records = {}
    second: Records = {}
    for number, partition in records.items():
        if count:
            first[number] = partition[:count]
        if count < len(partition):
            second[number] = partition[count:]
        count = max(0, count - len(partition))
    return first, second
