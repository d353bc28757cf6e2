"""A batch of records: different keys side by side, one key in order, failures listed.

Partial batch responses: AWS Lambda Developer Guide, "Configuring error handling controls for
Kafka event sources". AWS delivers exactly the listed records again. So when a record fails, the
later ones of its key in this batch are not run and are listed too: a retry would overtake them.
A record that can never be read holds up no other: a retry would not help it, and records that
waited for it would share its way to the on-failure destination.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    ExceptionInfo,
    FailureResponse,
)

from shared.contract.errors import BadMessage
from shared.runtime.records import Record, raw_records

log = logging.getLogger(__name__)


class NotAttempted(Exception):
    """The failure of a record that was not run, because an earlier one of its key failed."""


def run_batch(
    event: Mapping[str, Any], work: Callable[[Record], None], pool: Executor
) -> dict[str, Any]:
    """Work on every record of an AWS Kafka event.

    Args:
        event: as the event source mapping sends it.
        work: called with each record; an exception means that it is to be delivered again.
        pool: the threads on which different keys are worked on side by side.

    Returns:
        AWS's partial batch response, ``{"batchItemFailures": [...]}``.
    """
    batch = _KeyedBatch(pool)
    with batch(raw_records(event), lambda record: work(Record.from_event(record.raw_event))):
        batch.process()
    return dict(batch.response())


def metrics(event: Mapping[str, Any], response: Mapping[str, Any]) -> dict[str, int]:
    """Return what a batch adds to metrics: its records, and the failed ones."""
    return {
        "Records": len(raw_records(event)),
        "RecordsFailed": len(response["batchItemFailures"]),
    }


class _KeyedBatch(BatchProcessor):
    """Powertools' batch processor, with one worker for each key at a time."""

    def __init__(self, pool: Executor) -> None:
        super().__init__(EventType.Kafka, raise_on_entire_batch_failure=False)
        self._pool = pool
        self._unreadable: list[object] = []

    def process(self) -> list[tuple[Any, ...]]:
        """Run all keys, and return the results of one key after the other."""
        groups: dict[tuple[str, int, str | None], list[dict[str, Any]]] = {}
        for raw in self.records:
            # A null key promises no order, but a partition does: keep what costs nothing to keep.
            groups.setdefault((raw["topic"], raw["partition"], raw.get("key")), []).append(raw)
        if len(groups) == 1:
            return self._run_key(*groups.values())
        return [done for key in self._pool.map(self._run_key, groups.values()) for done in key]

    def _run_key(self, raws: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
        results: list[tuple[Any, ...]] = []
        waits = False
        for raw in raws:
            if waits:
                waiting = self._to_batch_type(record=raw, event_type=self.event_type)
                error = NotAttempted()
                results.append(self.failure_handler(waiting, (NotAttempted, error, None)))
            else:
                results.append(self._process_record(raw))
                self._report(results[-1])
                waits = results[-1][0] == "fail" and not self._is_unreadable(results[-1][2])
        return results

    def failure_handler(self, record: Any, exception: ExceptionInfo) -> FailureResponse:
        """Note a failed record; a hook of Powertools."""
        if isinstance(exception[1], BadMessage):
            self._unreadable.append(record)
        return super().failure_handler(record, exception)

    def _is_unreadable(self, record: object) -> bool:
        return any(each is record for each in self._unreadable)

    @staticmethod
    def _report(result: tuple[Any, ...]) -> None:
        if result[0] == "fail":
            failed = result[2]
            log.warning(
                "record failed, to be delivered again",
                extra={"topic": failed.topic, "offset": failed.offset, "reason": result[1]},
            )
