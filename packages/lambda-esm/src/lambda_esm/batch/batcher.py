"""Which records go into the next invocation: batch size, window, payload, order in a partition.

Rules (Developer Guide, "Batching behavior"): a batch goes when its window has elapsed since its
first record, when it has ``BatchSize`` records, or when it reaches the payload limit. A partition
with a batch out gives no other until that one is settled. One batch may hold several partitions.

How widely a batch spreads is the number of pollers: each has its own partitions, as consumers in a
group have. There are as few as allowed until records have to wait, and then as many as allowed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from threading import Condition
from typing import Final

from lambda_esm.batch.partition import Batch, Partition
from lambda_esm.model.event import KafkaRecord
from lambda_esm.model.mapping import Mapping

# What may wait in memory, for a partition: at least this many records, or two batches.
_WAITING_RECORDS: Final = 1000
# Without anybody waiting for so long, there are as few pollers again as allowed.
_CALM_S: Final = 10.0
_WAITING_BYTES: Final = 8 * 1024 * 1024


class Batcher:
    """The partitions of one mapping and what waits in them. Safe to use from several threads.

    Args:
        mapping: batch size, window and pollers.
        payload_limit: bytes of JSON in one invocation.
        clock: monotonic seconds.
    """

    def __init__(
        self, mapping: Mapping, payload_limit: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._size = mapping.batch_size
        self._window = mapping.window_s
        # base64 makes three bytes four; keys and headers are counted when the event is built.
        self._full_bytes = payload_limit * 3 // 4
        self._fewest = mapping.pollers.minimum if mapping.pollers else 1
        self._most = mapping.pollers.maximum if mapping.pollers else None
        self._pollers = self._fewest
        self._grown_at = clock()
        self._clock = clock
        self._partitions: dict[int, Partition] = {}
        self._changed = Condition()
        self._most_waiting = max(_WAITING_RECORDS, 2 * mapping.batch_size)

    def assign(self, numbers: Iterable[int]) -> None:
        """These partitions are ours now."""
        with self._changed:
            for number in numbers:
                self._partitions[number] = Partition(number)

    def revoke(self, numbers: Iterable[int], patience: float) -> dict[int, int]:
        """These partitions go to another member: forget what waits, let what is out end.

        Args:
            numbers: the partitions.
            patience: seconds to wait for batches that are out; what is still out then is not
                committed, and the next owner gets it again.

        Returns:
            What is settled of them, as :meth:`settled`.
        """
        with self._changed:
            leaving = [self._partitions[n] for n in numbers if n in self._partitions]
            for partition in leaving:
                partition.owned = False
                partition.waiting.clear()
                partition.waiting_bytes = 0
            self._changed.wait_for(lambda: not any(p.busy for p in leaving), patience)
            for partition in leaving:
                self._partitions.pop(partition.number, None)
            return _settled(leaving)

    def add(self, number: int, messages: list[KafkaRecord], next_offset: int) -> None:
        """Records of one partition have been read, up to before ``next_offset``.

        What was read and is not among them, because no filter wants it, needs no invocation.
        """
        with self._changed:
            partition = self._partitions.get(number)
            if partition is None:  # revoked between the read and now
                return
            if not partition.waiting:
                partition.since = self._clock()
                if not messages and not partition.busy:
                    partition.settled = next_offset
            partition.waiting += messages
            partition.waiting_bytes += sum(map(len, messages))
            partition.next_offset = next_offset

    def cut(self) -> Batch | None:
        """Take the next batch that is ready, or None. Its partitions are busy until settled."""
        with self._changed:
            now = self._clock()
            if sum(len(p.waiting) for p in self._all()) > self._size:
                self._grow()
            elif now - self._grown_at > _CALM_S:
                self._pollers = self._fewest
            for ready in self._by_poller():
                if self._is_due(ready, now):
                    return self._take(ready, now)
            return None

    def settle(self, batch: Batch, *, whole: bool) -> None:
        """The batch is out no longer: its partitions may give the next one.

        Args:
            batch: from :meth:`cut`.
            whole: whether all of it is settled, and not a part of it broken off.
        """
        with self._changed:
            for partition in batch.partitions.values():
                partition.busy = False
                if whole and partition.owned and not partition.waiting:
                    partition.settled = partition.next_offset
            if len(batch.partitions) > 1 and any(p.waiting for p in batch.partitions.values()):
                self._grow()  # somebody waited for another partition's records
            self._changed.notify_all()

    def settled(self) -> dict[int, int]:
        """Offsets to commit, by partition; each is told once."""
        with self._changed:
            return _settled(self._all())

    def due_in(self) -> float | None:
        """Seconds until a batch is due, 0 if one is; None when no free partition has any."""
        with self._changed:
            now = self._clock()
            times = [
                0.0
                if self._is_due(ready, now)
                else min(p.since for p in ready) + self._window - now
                for ready in self._by_poller()
            ]
            return max(0.0, min(times)) if times else None

    def ready(self) -> int:
        """How many batches could be cut at this moment."""
        with self._changed:
            now = self._clock()
            return sum(self._is_due(ready, now) for ready in self._by_poller())

    def room(self, timeout: float) -> bool:
        """Wait up to ``timeout`` seconds for room in every partition that is not paused."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not any(self._is_full(p) and not p.paused for p in self._all()), timeout
            )

    def to_pause(self) -> list[int]:
        """Partitions that hold enough for now; they count as paused from here on."""
        with self._changed:
            full = [p for p in self._all() if self._is_full(p) and not p.paused]
            for partition in full:
                partition.paused = True
            return [partition.number for partition in full]

    def to_resume(self) -> list[int]:
        """Paused partitions with room again; they count as running from here on."""
        with self._changed:
            drained = [p for p in self._all() if p.paused and self._is_half_empty(p)]
            for partition in drained:
                partition.paused = False
            return [partition.number for partition in drained]

    def idle(self) -> bool:
        """Whether nothing waits and nothing is out."""
        with self._changed:
            return not any(p.busy or p.waiting for p in self._all())

    def _all(self) -> Iterable[Partition]:
        return self._partitions.values()

    def _by_poller(self) -> list[list[Partition]]:
        """Free partitions with records, grouped by poller; who waits longest comes first."""
        groups: dict[int, list[Partition]] = {}
        for partition in self._all():
            if partition.waiting and not partition.busy:
                groups.setdefault(partition.number % self._pollers, []).append(partition)
        for group in groups.values():
            group.sort(key=lambda p: p.since)
        return sorted(groups.values(), key=lambda group: group[0].since)

    def _is_due(self, ready: list[Partition], now: float) -> bool:
        return (
            now - ready[0].since >= self._window
            or sum(len(p.waiting) for p in ready) >= self._size
            or sum(p.waiting_bytes for p in ready) >= self._full_bytes
        )

    def _take(self, ready: list[Partition], now: float) -> Batch:
        batch, room = Batch(), self._size
        for partition in ready:
            taken = partition.waiting[:room]
            del partition.waiting[:room]
            partition.waiting_bytes -= sum(map(len, taken))
            partition.since = now
            partition.busy = True
            number = partition.number
            batch.records[number] = taken
            batch.partitions[number] = partition
            batch.ends[number] = self._end(partition)
            room -= len(taken)
            if room <= 0:
                break
        self._changed.notify_all()
        return batch

    def _end(self, partition: Partition) -> int:
        offset = partition.waiting[0].offset() if partition.waiting else partition.next_offset
        return offset or 0

    def _grow(self) -> None:
        count = len(self._partitions)
        self._pollers = max(self._pollers, min(self._pollers * 2, self._most or count, count))
        self._grown_at = self._clock()

    def _is_full(self, partition: Partition) -> bool:
        return (
            len(partition.waiting) >= self._most_waiting
            or partition.waiting_bytes >= _WAITING_BYTES
        )

    def _is_half_empty(self, partition: Partition) -> bool:
        return (
            len(partition.waiting) <= self._most_waiting // 2
            and partition.waiting_bytes <= _WAITING_BYTES // 2
        )


def _settled(partitions: Iterable[Partition]) -> dict[int, int]:
    offsets = {p.number: p.settled for p in partitions if p.settled is not None}
    for partition in partitions:
        partition.settled = None
    return offsets
