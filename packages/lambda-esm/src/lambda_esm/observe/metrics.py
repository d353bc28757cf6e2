"""Metrics in Prometheus's form; the counts of events and errors are the ones that Lambda publishes.

Source of the names: Developer Guide, "Types of metrics for Lambda functions", event source
mapping metrics (``PolledEventCount`` is ``lambda_esm_polled_events_total`` here).
"""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_EVENTS: Final = {
    "polled": "records read from Kafka",
    "filtered_out": "records that matched no filter",
    "invoked": "records sent to the function, each time they were",
    "failed_invoke": "records that failed, each time they did",
    "dropped": "records given up without a destination",
    "on_failure_destination_delivered": "records written to the on-failure destination",
    "committed": "offsets settled and handed to the group",
}
_ERRORS: Final = {
    "polling": "errors while reading",
    "invoke": "invocations that failed",
    "commit": "commits that failed",
}
_SECONDS: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900)
_RECORDS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)


class Metrics:
    """All metrics of one process; each has the label ``mapping``."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self.events = {
            name: Counter(f"lambda_esm_{name}_events", help_, ["mapping"], registry=registry)
            for name, help_ in _EVENTS.items()
        }
        self.errors = {
            name: Counter(f"lambda_esm_{name}_errors", help_, ["mapping"], registry=registry)
            for name, help_ in _ERRORS.items()
        }
        self.invocations = Counter(
            "lambda_esm_invocations", "invocations", ["mapping", "result"], registry=registry
        )
        self.seconds = Histogram(
            "lambda_esm_invocation_seconds",
            "how long invocations took",
            ["mapping"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.batch_records = Histogram(
            "lambda_esm_batch_records",
            "records in one invocation",
            ["mapping"],
            buckets=_RECORDS,
            registry=registry,
        )
        self.age = Gauge(
            "lambda_esm_record_age_seconds",
            "age of the oldest record in the last invocation, when it began",
            ["mapping"],
            registry=registry,
        )
        self.lag = Gauge(
            "lambda_esm_lag_records",
            "records in the partition after the last settled one",
            ["mapping", "partition"],
            registry=registry,
        )
        self.in_flight = Gauge(
            "lambda_esm_in_flight_batches", "batches out", ["mapping"], registry=registry
        )
        self._registry = registry

    def text(self) -> bytes:
        """Return all metrics in Prometheus's text format."""
        return generate_latest(self._registry)
