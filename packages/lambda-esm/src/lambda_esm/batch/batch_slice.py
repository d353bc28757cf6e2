"""Parts of a batch: what is still to be delivered of it, and how to cut it further."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from lambda_esm.model.event import Row, Rows, Source, most_json_bytes


class Piece(msgspec.Struct, frozen=True):
    """Records that are invoked together.

    Attributes:
        rows: by partition.
        retries: how often they have been sent again.
    """

    rows: Rows
    retries: int = 0

    def __len__(self) -> int:
        return sum(map(len, self.rows.values()))

    def split(self, count: int) -> list[Piece]:
        """The first ``count`` records and the others, in order; a split takes no retry."""
        first, second = _split(self.rows, count)
        return [Piece(first, self.retries), Piece(second, self.retries)]

    def halves(self) -> list[Piece]:
        """The first half and the second."""
        return self.split(len(self) // 2)

    def keep(self, wanted: Callable[[Row], bool]) -> Piece:
        """Without the records for which ``wanted`` says no."""
        kept = {number: list(filter(wanted, rows)) for number, rows in self.rows.items()}
        return Piece({number: rows for number, rows in kept.items() if rows}, self.retries)

    def by_age(self, age_s: int) -> tuple[Piece, Piece]:
        """The records that are older than ``age_s`` seconds, and the others."""
        oldest_ms = (time.time() - age_s) * 1000
        old = self.keep(lambda row: row[1][1] < oldest_ms)
        return (old, self.keep(lambda row: row[1][1] >= oldest_ms)) if old.rows else (old, self)

    def fitting(self, source: Source, limit: int) -> int:
        """How many of the records, from the first on, fit into ``limit`` bytes of JSON.

        Counted by an upper bound, because the exact size costs as much as the event itself; only
        where not even one record seems to fit is it asked for.
        """
        size, count = source.empty_bytes, 0
        if size + sum(most_json_bytes(source.topic, r) for r in self.rows.values()) <= limit:
            return len(self)
        for number, rows in self.rows.items():
            for row in rows:
                size += most_json_bytes(source.topic, [row])
                if size > limit:
                    return count or int(source.json_bytes({number: [row]}) <= limit)
                count += 1
        return count

    def first_offset(self, number: int) -> int | None:
        """The lowest offset of one partition in here."""
        rows = self.rows.get(number)
        return rows[0][0] if rows else None


def _split(rows: Rows, count: int) -> tuple[Rows, Rows]:
    first: Rows = {}
    second: Rows = {}
    for number, partition in rows.items():
        if count:
            first[number] = partition[:count]
        if count < len(partition):
            second[number] = partition[count:]
        count = max(0, count - len(partition))
    return first, second
