"""Deliver a batch until every record of it is settled: done, given up, or no longer ours.

Rules: Developer Guide, "Configuring error handling controls for Kafka event sources". A failed
batch is sent again whole, or halved, or only the records that the function listed; retries end
with the mapping's limits, and what is given up goes to the destination. What the guide leaves
open (the delays, throttles, what a split costs) follows its page on Kinesis.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from threading import BoundedSemaphore, Event

import msgspec

from lambda_esm.batch.batch_slice import Piece
from lambda_esm.batch.partition import Batch
from lambda_esm.deliver.response import MalformedAnswer, failed_records
from lambda_esm.destinations.on_failure import Condition, Destination, DestinationError, Failure
from lambda_esm.model.backoff import BackoffPolicy
from lambda_esm.model.event import rows_of
from lambda_esm.model.mapping import Mapping
from lambda_esm.model.outcome import Invoker, Outcome
from lambda_esm.observe.observer import Observer

log = logging.getLogger(__name__)

_LOOK_S = 0.2


class Stopped(Exception):
    """The service stops, and this batch is not settled: it is read again at the next start."""


class Delivery:
    """Delivers the batches of one mapping; called from several threads.

    Args:
        mapping: its limits.
        invoker: how the function is reached.
        destination: for what is given up; None drops it.
        slots: the function's concurrency. A thread that delivers holds one, and gives it back
            while it waits.
        stopping: set when nothing new may begin.
        observer: told of what happens.
        backoff: delays between attempts.
        payload_limit: bytes of JSON in one invocation.
    """

    def __init__(
        self,
        mapping: Mapping,
        invoker: Invoker,
        destination: Destination | None,
        slots: BoundedSemaphore,
        stopping: Event,
        observer: Observer,
        backoff: BackoffPolicy,
        payload_limit: int,
    ) -> None:
        self._mapping = mapping
        self._invoker = invoker
        self._destination = destination
        self._slots = slots
        self._stopping = stopping
        self._observer = observer
        self._backoff = backoff
        self._limit = payload_limit

    def deliver(self, batch: Batch) -> None:
        """Deliver one batch.

        Raises:
            Stopped: the rest of it must wait for another day; what is settled is marked so.
        """
        pieces = deque([Piece(rows_of(batch.records))])
        failures = 0
        while pieces:
            piece = _ours(pieces.popleft(), batch)
            failed, rest = self._attempt(piece, batch)
            pieces.extendleft(reversed(rest))
            _mark_settled(batch, pieces)
            failures = failures + 1 if failed else 0
            if failed and pieces:
                self._pause(self._backoff.delay_s(failures), batch)

    def _attempt(self, piece: Piece, batch: Batch) -> tuple[bool, list[Piece]]:
        """Send one piece. Whether it failed, and the pieces that are still to be delivered."""
        if self._mapping.record_age_s is not None:
            old, young = piece.by_age(self._mapping.record_age_s)
            if old.rows:
                rest = self._give_up(old, "RecordAgeExceeded", None, batch)
                return False, [*rest, young]
        if not piece.rows:
            return False, []
        fitting = piece.fitting(self._mapping.source, self._limit)
        if fitting == len(piece):
            return self._invoke(piece, batch)
        if fitting:
            return False, piece.split(fitting)
        first, others = piece.split(1)
        rest = self._give_up(first, "MaximumPayloadSizeExceeded", None, batch)
        return False, [*rest, others]

    def _invoke(self, piece: Piece, batch: Batch) -> tuple[bool, list[Piece]]:
        begun = time.monotonic()
        self._observer.invoking()
        outcome = self._invoker.invoke(self._mapping, piece.rows)
        failed, outcome = self._failed(piece, outcome)
        self._observer.invoked(piece, failed, outcome, time.monotonic() - begun)
        if not failed.rows:
            return False, []
        return True, self._after_failure(failed, outcome, batch)

    def _failed(self, piece: Piece, outcome: Outcome) -> tuple[Piece, Outcome]:
        """What has failed of a piece, by the outcome and by what the function answered."""
        if outcome.kind != "success":
            return piece, outcome
        if not self._mapping.partial:
            return Piece({}), outcome
        try:
            listed = failed_records(outcome.answer, self._mapping.topic, piece.rows)
        except MalformedAnswer as error:
            return piece, msgspec.structs.replace(outcome, kind="malformed", reason=str(error))
        if not listed:
            return Piece({}), outcome
        return Piece(listed, piece.retries), msgspec.structs.replace(outcome, kind="partial")

    def _after_failure(self, failed: Piece, outcome: Outcome, batch: Batch) -> list[Piece]:
        if not outcome.reached:
            return [failed]
        if outcome.kind != "partial" and self._mapping.bisect and len(failed) > 1:
            return failed.halves()
        if self._mapping.retries is None or failed.retries < self._mapping.retries:
            return [Piece(failed.rows, failed.retries + 1)]
        return self._give_up(failed, "RetryAttemptsExhausted", outcome, batch)

    def _give_up(
        self, piece: Piece, condition: Condition, outcome: Outcome | None, batch: Batch
    ) -> list[Piece]:
        """Hand records to the destination, however long that takes; without one, drop them.

        Returns:
            Nothing, or the piece again when one of its partitions had to leave meanwhile.
        """
        invocations = piece.retries + (1 if outcome else 0)
        failure = Failure(self._mapping, piece.rows, condition, outcome, invocations)
        failures = 0
        while self._destination and not self._sent(failure, self._destination):
            failures += 1
            self._pause(self._backoff.delay_s(failures), batch)
            if not batch.owned:
                return [piece]
        self._observer.given_up(piece, condition)
        return []

    def _sent(self, failure: Failure, destination: Destination) -> bool:
        try:
            destination.send(failure)
        except DestinationError as error:
            where = {"destination": self._mapping.destination, "reason": str(error)}
            log.warning("destination failed, to be tried again", extra=where)
            return False
        return True

    def _pause(self, seconds: float, batch: Batch) -> None:
        """Wait, and let others invoke meanwhile; shorter when a partition has to leave.

        Raises:
            Stopped: the service stops.
        """
        self._slots.release()
        end = time.monotonic() + seconds
        while batch.owned and (left := end - time.monotonic()) > 0:
            if self._stopping.wait(min(left, _LOOK_S)):
                break
        self._slots.acquire()
        if self._stopping.is_set():
            raise Stopped


def _ours(piece: Piece, batch: Batch) -> Piece:
    """Without the partitions that go to another member: it gets their records again."""
    if batch.owned:
        return piece
    ours = {number: rows for number, rows in piece.rows.items() if batch.partitions[number].owned}
    batch.left |= piece.rows.keys() - ours.keys()
    return Piece(ours, piece.retries)


def _mark_settled(batch: Batch, pieces: deque[Piece]) -> None:
    for number in batch.partitions.keys() - batch.left:
        partition = batch.partitions[number]
        left = [o for o in (piece.first_offset(number) for piece in pieces) if o is not None]
        offset = min(left) if left else batch.ends[number]
        if offset != batch.records[number][0].offset():  # else nothing is settled yet
            partition.settled = offset
