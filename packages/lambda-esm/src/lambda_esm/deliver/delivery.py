"""Deliver a batch until every record of it is settled: processed, discarded, or no longer ours.

Rules: Developer Guide, "Configuring error handling controls for Kafka event sources". A failed
batch is sent again whole, or halved, or only the records that the function listed. Retries end
with the mapping's limits, and discarded records go to the destination. What the guide leaves
open (the delays, throttles, what a split costs) follows its page on Kinesis.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from threading import BoundedSemaphore, Event
from typing import Final

import msgspec

from lambda_esm.batch.batch_slice import BatchSlice
from lambda_esm.batch.partition import Batch
from lambda_esm.deliver.response import MalformedResponse, failed_records
from lambda_esm.destinations.on_failure import (
    Condition,
    Destination,
    DestinationError,
    DiscardedRecords,
)
from lambda_esm.model.backoff import BackoffPolicy
from lambda_esm.model.event import records_of
from lambda_esm.model.mapping import Mapping
from lambda_esm.model.outcome import Invoker, Outcome
from lambda_esm.observe.observer import Observer

log = logging.getLogger(__name__)

_CHECK_OWNED_S: Final = 0.2


class Stopped(Exception):
    """The service stops, and this batch is not settled: it is read again at the next start."""


class Delivery:
    """Delivers the batches of one mapping; called from several threads.

    Args:
        mapping: its limits.
        invoker: how the function is reached.
        destination: for discarded records; None drops them.
        slots: the function's concurrency. A thread that delivers holds one, and releases it while
            it waits.
        stopping: set when nothing new may begin.
        observer: counts and logs.
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
        self._payload_limit = payload_limit

    def deliver(self, batch: Batch) -> None:
        """Deliver one batch.

        Raises:
            Stopped: some of it is not delivered; what is settled is marked so.
        """
        parts = deque([BatchSlice(records_of(batch.messages))])
        failures = 0
        while parts:
            part = _owned(parts.popleft(), batch)
            failed, rest = self._attempt(part, batch)
            parts.extendleft(reversed(rest))
            _mark_settled(batch, parts)
            failures = failures + 1 if failed else 0
            if failed and parts:
                self._pause(self._backoff.delay_s(failures), batch)

    def _attempt(self, part: BatchSlice, batch: Batch) -> tuple[bool, list[BatchSlice]]:
        """Send one part; return whether it failed, and the parts still to be delivered."""
        if self._mapping.maximum_record_age_s is not None:
            old, young = part.split_by_age(self._mapping.maximum_record_age_s)
            if old.records:
                rest = self._discard(old, "RecordAgeExceeded", None, batch)
                return False, [*rest, young]
        if not part.records:
            return False, []
        fitting = part.fitting(self._mapping.event_source, self._payload_limit)
        if fitting == len(part):
            return self._invoke(part, batch)
        if fitting:
            return False, part.split(fitting)
        first, others = part.split(1)
        rest = self._discard(first, "MaximumPayloadSizeExceeded", None, batch)
        return False, [*rest, others]

    def _invoke(self, part: BatchSlice, batch: Batch) -> tuple[bool, list[BatchSlice]]:
        begun = time.monotonic()
        self._observer.invocation_started()
        outcome = self._invoker.invoke(self._mapping, part.records)
        failed, outcome = self._failed(part, outcome)
        self._observer.invocation_ended(part, failed, outcome, time.monotonic() - begun)
        if not failed.records:
            return False, []
        return True, self._after_failure(failed, outcome, batch)

    def _failed(self, part: BatchSlice, outcome: Outcome) -> tuple[BatchSlice, Outcome]:
        """Return the failed records of a part, and the outcome as the response makes it."""
        if outcome.result != "success":
            return part, outcome
        if not self._mapping.report_batch_item_failures:
            return BatchSlice({}), outcome
        try:
            listed = failed_records(outcome.response, self._mapping.topic, part.records)
        except MalformedResponse as error:
            return part, msgspec.structs.replace(outcome, result="malformed", reason=str(error))
        if not listed:
            return BatchSlice({}), outcome
        return BatchSlice(listed, part.retries), msgspec.structs.replace(outcome, result="partial")

    def _after_failure(
        self, failed: BatchSlice, outcome: Outcome, batch: Batch
    ) -> list[BatchSlice]:
        """Return the parts to send again; discard what has used up its retries."""
        if not outcome.reached:
            return [failed]
        if outcome.result != "partial" and self._mapping.bisect_batch_on_error and len(failed) > 1:
            return failed.halves()
        limit = self._mapping.maximum_retry_attempts
        if limit is None or failed.retries < limit:
            return [BatchSlice(failed.records, failed.retries + 1)]
        return self._discard(failed, "RetryAttemptsExhausted", outcome, batch)

    def _discard(
        self, part: BatchSlice, condition: Condition, outcome: Outcome | None, batch: Batch
    ) -> list[BatchSlice]:
        """Write records to the destination, however long that takes; without one, drop them.

        Returns:
            Nothing, or the part again when one of its partitions was revoked meanwhile.
        """
        invocations = part.retries + (1 if outcome else 0)
        discarded = DiscardedRecords(self._mapping, part.records, condition, outcome, invocations)
        failures = 0
        while self._destination and not self._is_sent(discarded, self._destination):
            failures += 1
            self._pause(self._backoff.delay_s(failures), batch)
            if not batch.owned:
                return [part]
        self._observer.discarded(part, condition)
        return []

    def _is_sent(self, discarded: DiscardedRecords, destination: Destination) -> bool:
        try:
            destination.send(discarded)
        except DestinationError as error:
            where = {"destination": self._mapping.destination, "reason": str(error)}
            log.warning("destination failed, to be tried again", extra=where)
            return False
        return True

    def _pause(self, seconds: float, batch: Batch) -> None:
        """Wait with the slot released; a shorter time when a partition is revoked.

        Raises:
            Stopped: the service stops.
        """
        self._slots.release()
        end = time.monotonic() + seconds
        while batch.owned and (left := end - time.monotonic()) > 0:
            if self._stopping.wait(min(left, _CHECK_OWNED_S)):
                break
        self._slots.acquire()
        if self._stopping.is_set():
            raise Stopped


def _owned(part: BatchSlice, batch: Batch) -> BatchSlice:
    """Return the part without the partitions that go to another member, which reads them again."""
    if batch.owned:
        return part
    owned = {
        number: records
        for number, records in part.records.items()
        if batch.partitions[number].owned
    }
    batch.revoked |= part.records.keys() - owned.keys()
    return BatchSlice(owned, part.retries)


def _mark_settled(batch: Batch, parts: deque[BatchSlice]) -> None:
    for number in batch.partitions.keys() - batch.revoked:
        partition = batch.partitions[number]
        left = [o for o in (part.first_offset(number) for part in parts) if o is not None]
        offset = min(left) if left else batch.end_offsets[number]
        if offset != batch.messages[number][0].offset():  # else nothing is settled yet
            partition.settled = offset
