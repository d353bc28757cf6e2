"""What a mapping tells the outside: one log line for each invocation, and its metrics."""

from __future__ import annotations

import contextlib
import logging
import threading
import time

from lambda_esm.batch.batch_slice import Piece
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
        self._out: dict[int, float] = {}
        metrics.in_flight.labels(name).set_function(lambda: self.out)

    def polled(self, count: int, filtered_out: int) -> None:
        """Records were read, and some of them match no filter."""
        self._events["polled"].inc(count)
        if filtered_out:
            self._events["filtered_out"].inc(filtered_out)

    def invoking(self) -> None:
        """An invocation begins, on this thread."""
        self._out[threading.get_ident()] = time.monotonic()

    @property
    def out(self) -> int:
        """How many invocations are out."""
        return len(self._out)

    @property
    def overdue(self) -> int:
        """How many should have ended long ago by the function's timeout."""
        begun_before = time.monotonic() - self._mapping.function.timeout_s - _OVERDUE_S
        return sum(begun < begun_before for begun in list(self._out.values()))

    def invoked(self, piece: Piece, failed: Piece, outcome: Outcome, seconds: float) -> None:
        """The invocation that began on this thread has ended."""
        self._out.pop(threading.get_ident(), None)
        count = len(piece)
        self._count(count, len(failed), outcome)
        self._seconds.observe(seconds)
        self._batch_records.observe(count)
        oldest_ms = min(rows[0][1][1] for rows in piece.rows.values())
        self._age.set(max(0.0, time.time() - seconds - oldest_ms / 1000))
        level = logging.WARNING if failed.rows else logging.INFO
        if log.isEnabledFor(level):
            log.log(level, "invoked", extra=self._line(piece, failed, outcome, seconds))

    def given_up(self, piece: Piece, condition: str) -> None:
        """Records went to the destination, or were dropped for want of one."""
        destination = self._mapping.destination
        event = "on_failure_destination_delivered" if destination else "dropped"
        self._events[event].inc(len(piece))
        log.warning(
            "records given up",
            extra={
                "mapping": self._mapping.logical_id,
                "records": len(piece),
                "offsets": _offsets(piece),
                "condition": condition,
                "destination": destination or "none",
            },
        )

    def committed(self, count: int) -> None:
        """Offsets were handed to the group."""
        self._events["committed"].inc(count)

    def failed(self, what: str, reason: str) -> None:
        """Reading (``polling``) or committing (``commit``) failed."""
        self._errors[what].inc()
        log.warning(f"{what} failed", extra={"mapping": self._mapping.logical_id, "reason": reason})

    def lag(self, partition: int, records: int | None) -> None:
        """How much is left in a partition; None when it is no longer ours."""
        name = self._mapping.logical_id
        if records is None:
            with contextlib.suppress(KeyError):  # it was never told
                self._lag.remove(name, str(partition))
        else:
            self._lag.labels(name, str(partition)).set(records)

    def _count(self, count: int, failed: int, outcome: Outcome) -> None:
        self._invocations.labels(self._mapping.logical_id, outcome.kind).inc()
        self._events["invoked"].inc(count)
        if failed:
            self._events["failed_invoke"].inc(failed)
            self._errors["invoke"].inc()

    def _line(
        self, piece: Piece, failed: Piece, outcome: Outcome, seconds: float
    ) -> dict[str, object]:
        line: dict[str, object] = {
            "function": self._mapping.function.name,
            "mapping": self._mapping.logical_id,
            "records": len(piece),
            "offsets": _offsets(piece),
            "ms": round(seconds * 1000, 1),
            "result": outcome.kind,
        }
        if failed.rows:
            line["failed"] = len(failed)
            line["retries"] = piece.retries
        if outcome.reason:
            line["reason"] = outcome.reason
        line["request_id"] = outcome.request_id
        return line


def _offsets(piece: Piece) -> str:
    """``0:15-17,3:4-4``: for each partition the first and the last offset."""
    return ",".join(f"{n}:{rows[0][0]}-{rows[-1][0]}" for n, rows in piece.rows.items())
