"""Deliver a batch until every record of it is settled: done, given up, or no longer ours.

Rules: Developer Guide, "Configuring error handling controls for Kafka event sources". A failed
batch is sent again whole, or halved, or only the records that the function listed; retries end
with the mapping's limits, and what is given up goes to the destination. What the guide leaves
open (the delays, throttles, what a split costs) follows its page on Kinesis.
"""

from __future__ import annotations

import logging
import random
import time
from collections import deque
from threading import BoundedSemaphore, Event
from typing import Protocol

import msgspec

from local.esm.batching import Batch
from local.esm.event import Records
from local.esm.invoke.outcome import Invoker, Outcome
from local.esm.mappings import Mapping
from local.esm.pieces import Piece, fitting, split_at, split_by_age
from local.esm.response import MalformedAnswer, failed_records

log = logging.getLogger(__name__)


class Pace(msgspec.Struct, frozen=True):
    """How long to wait before a batch is sent again: doubling, with jitter.

    Attributes:
        first_s, longest_s: seconds.
    """

    first_s: float = 0.5
    longest_s: float = 60.0

    def delay(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row."""
        jitter = random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, keeps no secret
        doubled: float = self.first_s * 2 ** min(failures - 1, 30)
        return min(self.longest_s, doubled) * jitter


class Destination(Protocol):
    """Where records go that were given up."""

    def send(self, records: Records, condition: str, outcome: Outcome | None, tries: int) -> None:
        """Write them down. Raises what the transport raises."""
        ...


class Delivery:
    """Delivers the batches of one mapping; called from several threads.

    Args:
        mapping: its limits.
        invoker: how the function is reached.
        destination: for what is given up; None drops it.
        slots: the function's concurrency. A thread that delivers holds one, and gives it back
            while it waits.
        stopping: set when nothing new may begin.
        pace: delays between attempts.
        payload_limit: bytes of JSON in one invocation.
    """

    def __init__(
        self,
        mapping: Mapping,
        invoker: Invoker,
        destination: Destination | None,
        slots: BoundedSemaphore,
        stopping: Event,
        pace: Pace,
        payload_limit: int,
    ) -> None:
        self._mapping = mapping
        self._invoker = invoker
        self._destination = destination
        self._slots = slots
        self._stopping = stopping
        self._pace = pace
        self._limit = payload_limit

    def deliver(self, batch: Batch) -> None:
        """Deliver one batch; returns early, with the rest uncommitted, when stopping."""
        pieces = deque([Piece(batch.records)])
        failures = 0
        while pieces:
            piece = self._owned(pieces.popleft(), batch)
            outcome, rest = self._attempt(piece)
            pieces.extendleft(reversed(rest))
            self._commit_settled(batch, pieces)
            failures = 0 if outcome is None else failures + 1
            if failures and pieces and not self._pause(self._pace.delay(failures)):
                return

    def _attempt(self, piece: Piece) -> tuple[Outcome | None, list[Piece]]:
        """Send one piece. What failed comes back, and the pieces still to be delivered."""
        if self._mapping.record_age_s is not None:
            old, young = split_by_age(piece.records, self._mapping.record_age_s)
            if old:
                self._give_up(Piece(old, piece.retries), "RecordAgeExceeded", None)
            piece = Piece(young, piece.retries)
        if not piece.records:
            return None, []
        count = fitting(piece.records, self._limit)
        if count < len(piece):
            return None, self._too_large(piece, count)
        return self._invoke(piece)

    def _too_large(self, piece: Piece, count: int) -> list[Piece]:
        first, second = split_at(piece.records, count or 1)
        rest = [Piece(second, piece.retries)] if second else []
        if count:
            return [Piece(first, piece.retries), *rest]
        self._give_up(Piece(first, piece.retries), "MaximumPayloadSizeExceeded", None)
        return rest

    def _invoke(self, piece: Piece) -> tuple[Outcome | None, list[Piece]]:
        begun = time.monotonic()
        outcome = self._invoker.invoke(self._mapping, piece.records)
        failed = Piece({}) if outcome.kind == "success" else piece
        if outcome.kind == "success" and self._mapping.partial:
            try:
                failed = Piece(
                    failed_records(outcome.answer, self._mapping.topic, piece.records),
                    piece.retries,
                )
            except MalformedAnswer as error:
                outcome = msgspec.structs.replace(outcome, kind="error", reason=str(error))
                failed = piece
        self._report(piece, outcome, failed, time.monotonic() - begun)
        if not failed.records:
            return None, []
        return outcome, self._after_failure(failed, outcome)

    def _after_failure(self, failed: Piece, outcome: Outcome) -> list[Piece]:
        if not outcome.reached:
            return [failed]
        if outcome.kind != "success" and self._mapping.bisect and len(failed) > 1:
            return list(failed.halves())
        if self._mapping.retries is None or failed.retries < self._mapping.retries:
            return [Piece(failed.records, failed.retries + 1)]
        self._give_up(failed, "RetryAttemptsExhausted", outcome)
        return []

    def _give_up(self, piece: Piece, condition: str, outcome: Outcome | None) -> None:
        log.warning(
            "records given up",
            extra={
                "mapping": self._mapping.logical_id,
                "records": len(piece),
                "condition": condition,
                "destination": self._mapping.destination or "none",
            },
        )
        if self._destination is not None:
            self._destination.send(piece.records, condition, outcome, piece.retries + 1)

    def _owned(self, piece: Piece, batch: Batch) -> Piece:
        """Without the partitions that another member has by now."""
        if all(partition.owned for partition in batch.partitions.values()):
            return piece
        ours = {n: r for n, r in piece.records.items() if batch.partitions[n].owned}
        return Piece(ours, piece.retries)

    def _commit_settled(self, batch: Batch, pieces: deque[Piece]) -> None:
        for number, partition in batch.partitions.items():
            left = [o for o in (piece.first_offset(number) for piece in pieces) if o is not None]
            partition.settled = min(left) if left else batch.ends[number]

    def _pause(self, seconds: float) -> bool:
        """Wait without a slot; false when stopping."""
        self._slots.release()
        stopped = self._stopping.wait(seconds)
        self._slots.acquire()
        return not stopped

    def _report(self, piece: Piece, outcome: Outcome, failed: Piece, seconds: float) -> None:
        level = logging.INFO if not failed.records else logging.WARNING
        log.log(
            level,
            "invoked",
            extra={
                "function": self._mapping.function.name,
                "mapping": self._mapping.logical_id,
                "records": len(piece),
                "partitions": ",".join(map(str, piece.records)),
                "ms": round(seconds * 1000, 1),
                "result": outcome.kind
                if not failed.records or outcome.kind != "success"
                else "partial",
                **({"failed": len(failed)} if failed.records else {}),
                **({"reason": outcome.reason} if outcome.reason else {}),
                "request_id": outcome.request_id,
            },
        )
