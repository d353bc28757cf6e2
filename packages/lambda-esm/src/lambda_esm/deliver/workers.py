"""The threads that deliver a mapping's batches, as many as there are batches to deliver."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore, Event, Lock
from typing import Final

from lambda_esm.batch.batcher import Batcher
from lambda_esm.deliver.delivery import Delivery, Stopped
from lambda_esm.model.mapping import Mapping

log = logging.getLogger(__name__)

# Provisioned mode: a poller has at most this many invocations out (Developer Guide, "Kafka event
# poller scaling modes"). On demand a batch for each partition may be out.
_INVOCATIONS_PER_POLLER: Final = 5
_INVOCATIONS_ON_DEMAND: Final = 1000


class Workers:
    """Takes batches while any are due, and delivers them.

    A batch is cut only when the function has a free slot, so it grows while it waits.

    Args:
        mapping: how many batches may be out at the same time.
        batcher: gives batches.
        delivery: settles them.
        slots: the function's concurrency, shared by its mappings.
        stopping: set when no new batch may go out.
        on_failure: called with an error that is a fault of this program.
    """

    def __init__(
        self,
        mapping: Mapping,
        batcher: Batcher,
        delivery: Delivery,
        slots: BoundedSemaphore,
        stopping: Event,
        on_failure: Callable[[BaseException], None],
    ) -> None:
        pollers = mapping.pollers
        most_threads = (
            pollers.maximum * _INVOCATIONS_PER_POLLER if pollers else _INVOCATIONS_ON_DEMAND
        )
        self._threads = ThreadPoolExecutor(most_threads, thread_name_prefix=mapping.logical_id)
        self._batcher = batcher
        self._delivery = delivery
        self._slots = slots
        self._stopping = stopping
        self._on_failure = on_failure
        self._coming = 0  # threads on their way to take a batch
        self._lock = Lock()

    def wake(self) -> None:
        """Send a thread for each batch that is due."""
        due = self._batcher.due_count()
        with self._lock:
            missing = max(0, due - self._coming)
            self._coming += missing
        for _ in range(missing):
            self._threads.submit(self._work)

    def close(self) -> None:
        """Wait until every batch that is out has ended."""
        self._threads.shutdown(wait=True)

    def _work(self) -> None:
        try:
            while self._take_and_deliver():
                with self._lock:
                    self._coming += 1
        except Stopped:
            return
        except BaseException as error:
            log.exception("a delivery broke off")
            self._on_failure(error)

    def _take_and_deliver(self) -> bool:
        """Deliver one batch; return false when none is due."""
        with self._slots:
            batch = None if self._stopping.is_set() else self._batcher.cut()
            with self._lock:
                self._coming -= 1
            if batch is None:
                return False
            whole = False
            try:
                self._delivery.deliver(batch)
                whole = True
            finally:
                self._batcher.settle(batch, whole=whole)
        return True
