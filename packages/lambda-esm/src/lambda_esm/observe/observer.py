"""A mapping seen from outside: a log line for each invocation, and its metrics."""

from __future__ import annotations

import contextlib
import logging
import threading
import time

from lambda_esm.batch.batch_slice import BatchSlice
from lambda_esm.model.mapping import Mapping
from lambda_esm.model.outcome import Outcome
from lambda_esm.observe.metrics import Metrics

log = logging.getLogger(__name__)

# How far an invocation may be beyond its timeout before the process counts as stuck.
_OVERDUE_S = 60.0


class Observer:
    """Reports on one mapping; called from several threads."""

    def __init__(self, mapping: Mapping, metrics: Metrics) -> None:
        self._mapping = mapping
        name = mapping.logical_id
        self._events = {event: family.labels(name) for event, family in metrics.events.items()}
        self._errors = {error: family.labels(name) for error, family in metrics.errors.items()}
        self._invocations = metrics.invocations
        self._seconds = metrics.seconds.labels(name)
        self._batch_records = metrics.batch_records.labels(name)
        self._age = metrics.age.labels(name)
        self._lag = metrics.lag
        self._in_flight: dict[int, float] = {}
        metrics.in_flight.labels(name).set_function(lambda: self.in_flight)

    def polled(self, count: int, filtered_out: int) -> None:
        """Count records that were read, and those of them that match no filter."""
        self._events["polled"].inc(count)
        if filtered_out:
            self._events["filtered_out"].inc(filtered_out)

    def invocation_started(self) -> None:
        """Note that an invocation begins on this thread."""
        self._in_flight[threading.get_ident()] = time.monotonic()

    @property
    def in_flight(self) -> int:
        """How many invocations have begun and not ended."""
        return len(self._in_flight)

    @property
    def overdue(self) -> int:
        """How many invocations are a minute beyond the function's timeout."""
        begun_before = time.monotonic() - self._mapping.function.timeout_s - _OVERDUE_S
        return sum(begun < begun_before for begun in list(self._in_flight.values()))

    def invocation_ended(
        self, part: BatchSlice, failed: BatchSlice, outcome: Outcome, seconds: float
    ) -> None:
        """Count and log the invocation that began on this thread."""
        self._in_flight.pop(threading.get_ident(), None)
        count = len(part)
        self._count(count, len(failed), outcome)
        self._seconds.observe(seconds)
        self._batch_records.observe(count)
        oldest_ms = min(records[0].timestamp_ms for records in part.records.values())
        self._age.set(max(0.0, time.time() - seconds - oldest_ms / 1000))
        level = logging.WARNING if failed.records else logging.INFO
        if log.isEnabledFor(level):
            log.log(level, "invoked", extra=self._log_fields(part, failed, outcome, seconds))

    def discarded(self, part: BatchSlice, condition: str) -> None:
        """Count and log records that went to the destination, or were dropped without one."""
        destination = self._mapping.destination
        event = "on_failure_destination_delivered" if destination else "dropped"
        self._events[event].inc(len(part))
        log.warning(
            "records given up",
            extra={
                "mapping": self._mapping.logical_id,
                "records": len(part),
                "offsets": _offsets(part),
                "condition": condition,
                "destination": destination or "none",
            },
        )

    def committed(self, count: int) -> None:
        """Count offsets that were handed to the group."""
        self._events["committed"].inc(count)

    def failed(self, what: str, reason: str) -> None:
        """Count and log an error while reading (``polling``) or committing (``commit``)."""
        self._errors[what].inc()
        log.warning(f"{what} failed", extra={"mapping": self._mapping.logical_id, "reason": reason})

    def set_lag(self, partition: int, records: int | None) -> None:
        """Set how many records are left in a partition; None when it is no longer ours."""
        name = self._mapping.logical_id
        if records is None:
            with contextlib.suppress(KeyError):  # it was never set
                self._lag.remove(name, str(partition))
        else:
            self._lag.labels(name, str(partition)).set(records)

    def _count(self, count: int, failed: int, outcome: Outcome) -> None:
        self._invocations.labels(self._mapping.logical_id, outcome.result).inc()
        self._events["invoked"].inc(count)
        if failed:
            self._events["failed_invoke"].inc(failed)
            self._errors["invoke"].inc()

    def _log_fields(
        self, part: BatchSlice, failed: BatchSlice, outcome: Outcome, seconds: float
    ) -> dict[str, object]:
        fields: dict[str, object] = {
            "function": self._mapping.function.name,
            "mapping": self._mapping.logical_id,
            "records": len(part),
            "offsets": _offsets(part),
            "ms": round(seconds * 1000, 1),
            "result": outcome.result,
        }
        if failed.records:
            fields["failed"] = len(failed)
            fields["retries"] = part.retries
        if outcome.reason:
            fields["reason"] = outcome.reason
        fields["request_id"] = outcome.request_id
        return fields


def _offsets(part: BatchSlice) -> str:
    """Return the first and the last offset of each partition: ``0:15-17,3:4-4``."""
    return ",".join(
        f"{n}:{records[0].offset}-{records[-1].offset}" for n, records in part.records.items()
    )
