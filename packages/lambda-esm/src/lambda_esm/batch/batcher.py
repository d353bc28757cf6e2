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
from lambda_esm.model.event import KafkaMessage
from lambda_esm.model.mapping import Mapping

# What may wait in memory, for a partition: at least this many records, or two batches.
_WAITING_RECORDS: Final = 1000
_WAITING_BYTES: Final = 8 * 1024 * 1024
# When no record had to wait for so long, there are as few pollers again as allowed.
_SHRINK_AFTER_S: Final = 10.0


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
        self._batch_size = mapping.batch_size
        self._window_s = mapping.batching_window_s
        # base64 makes three bytes four; keys and headers are counted when the event is built.
        self._full_bytes = payload_limit * 3 // 4
        self._fewest_pollers = mapping.pollers.minimum if mapping.pollers else 1
        self._most_pollers = mapping.pollers.maximum if mapping.pollers else None
        self._pollers = self._fewest_pollers
        self._grown_at = clock()
        self._clock = clock
        self._partitions: dict[int, Partition] = {}
        self._changed = Condition()
        self._most_waiting = max(_WAITING_RECORDS, 2 * mapping.batch_size)

    def assign(self, numbers: Iterable[int]) -> None:
        """Take over partitions that the group assigned."""
        with self._changed:
            for number in numbers:
                self._partitions[number] = Partition(number)

    def revoke(self, numbers: Iterable[int], timeout_s: float) -> dict[int, int]:
        """Give up partitions that go to another member; return what is settled of them.

        What waits is forgotten, what is out may end.

        Args:
            numbers: the partitions.
            timeout_s: seconds to wait for batches that are out; what is still out then is not
                committed, and the next owner gets it again.

        Returns:
            Offsets to commit, as from :meth:`take_settled`.
        """
        with self._changed:
            leaving = [self._partitions[n] for n in numbers if n in self._partitions]
            for partition in leaving:
                partition.owned = False
                partition.waiting.clear()
                partition.waiting_bytes = 0
            self._changed.wait_for(lambda: not any(p.busy for p in leaving), timeout_s)
            for partition in leaving:
                self._partitions.pop(partition.number, None)
            return _take_settled(leaving)

    def add(self, number: int, messages: list[KafkaMessage], next_offset: int) -> None:
        """Add messages of one partition, which has been read up to before ``next_offset``.

        What was read and is not among them matches no filter, and needs no invocation.
        """
        with self._changed:
            partition = self._partitions.get(number)
            if partition is None:  # revoked between the read and now
                return
            if not partition.waiting:
                partition.waiting_since = self._clock()
                if not messages and not partition.busy:
                    partition.settled = next_offset
            partition.waiting += messages
            partition.waiting_bytes += sum(map(len, messages))
            partition.next_offset = next_offset

    def cut(self) -> Batch | None:
        """Take the next batch that is due, or None; its partitions are busy until settled."""
        with self._changed:
            now = self._clock()
            if sum(len(p.waiting) for p in self._all()) > self._batch_size:
                self._add_pollers()
            elif now - self._grown_at > _SHRINK_AFTER_S:
                self._pollers = self._fewest_pollers
            for ready in self._by_poller():
                if self._is_due(ready, now):
                    return self._take(ready, now)
            return None

    def settle(self, batch: Batch, *, whole: bool) -> None:
        """Free the partitions of a batch that is out no longer.

        Args:
            batch: from :meth:`cut`.
            whole: whether all of it is settled; false when its delivery broke off.
        """
        with self._changed:
            for partition in batch.partitions.values():
                partition.busy = False
                if whole and partition.owned and not partition.waiting:
                    partition.settled = partition.next_offset
            if len(batch.partitions) > 1 and any(p.waiting for p in batch.partitions.values()):
                self._add_pollers()  # records waited for another partition's
            self._changed.notify_all()

    def take_settled(self) -> dict[int, int]:
        """Return the offsets to commit, by partition; each of them once."""
        with self._changed:
            return _take_settled(self._all())

    def due_in_s(self) -> float | None:
        """Return the seconds until a batch is due; None when no free partition has records."""
        with self._changed:
            now = self._clock()
            times = [
                0.0
                if self._is_due(ready, now)
                else min(p.waiting_since for p in ready) + self._window_s - now
                for ready in self._by_poller()
            ]
            return max(0.0, min(times)) if times else None

    def due_count(self) -> int:
        """Return how many batches are due now."""
        with self._changed:
            now = self._clock()
            return sum(self._is_due(ready, now) for ready in self._by_poller())

    def wait_for_room(self, timeout_s: float) -> bool:
        """Wait until every partition that is not paused has room; return false on time-out."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not any(self._is_full(p) and not p.paused for p in self._all()), timeout_s
            )

    def to_pause(self) -> list[int]:
        """Return the partitions that hold enough for now; they count as paused from here on."""
        with self._changed:
            full = [p for p in self._all() if self._is_full(p) and not p.paused]
            for partition in full:
                partition.paused = True
            return [partition.number for partition in full]

    def to_resume(self) -> list[int]:
        """Return the paused partitions with room again; they count as running from here on."""
        with self._changed:
            drained = [p for p in self._all() if p.paused and self._is_half_empty(p)]
            for partition in drained:
                partition.paused = False
            return [partition.number for partition in drained]

    def is_idle(self) -> bool:
        """Return whether nothing waits and nothing is out."""
        with self._changed:
            return not any(p.busy or p.waiting for p in self._all())

    def _all(self) -> Iterable[Partition]:
        return self._partitions.values()

    def _by_poller(self) -> list[list[Partition]]:
        """Return the free partitions with records, grouped by poller, the longest wait first."""
        groups: dict[int, list[Partition]] = {}
        for partition in self._all():
            if partition.waiting and not partition.busy:
                groups.setdefault(partition.number % self._pollers, []).append(partition)
        for group in groups.values():
            group.sort(key=lambda p: p.waiting_since)
        return sorted(groups.values(), key=lambda group: group[0].waiting_since)

    def _is_due(self, ready: list[Partition], now: float) -> bool:
        return (
            now - ready[0].waiting_since >= self._window_s
            or sum(len(p.waiting) for p in ready) >= self._batch_size
            or sum(p.waiting_bytes for p in ready) >= self._full_bytes
        )

    def _take(self, ready: list[Partition], now: float) -> Batch:
        batch, room = Batch(), self._batch_size
        for partition in ready:
            taken = partition.waiting[:room]
            del partition.waiting[:room]
            partition.waiting_bytes -= sum(map(len, taken))
            partition.waiting_since = now
            partition.busy = True
            number = partition.number
            batch.messages[number] = taken
            batch.partitions[number] = partition
            batch.end_offsets[number] = _end_offset(partition)
            room -= len(taken)
            if room <= 0:
                break
        self._changed.notify_all()
        return batch

    def _add_pollers(self) -> None:
        count = len(self._partitions)
        most = min(self._pollers * 2, self._most_pollers or count, count)
        self._pollers = max(self._pollers, most)
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


def _end_offset(partition: Partition) -> int:
    offset = partition.waiting[0].offset() if partition.waiting else partition.next_offset
    return offset or 0


def _take_settled(partitions: Iterable[Partition]) -> dict[int, int]:
    offsets = {p.number: p.settled for p in partitions if p.settled is not None}
    for partition in partitions:
        partition.settled = None
    return offsets
