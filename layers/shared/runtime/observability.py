"""What is recorded of each Lambda invocation: log keys, metrics, and a segment for X-Ray.

Metrics are Powertools': lines of CloudWatch's embedded metric format in the log, so that nothing is
sent while a request waits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from aws_lambda_powertools.metrics import Metrics, MetricUnit

from shared.config.logs import bind
from shared.config.settings import LogSettings

if TYPE_CHECKING:
    from aws_lambda_powertools import Tracer
    from aws_lambda_powertools.utilities.typing import LambdaContext


class Invocation:
    """One invocation.

    Attributes:
        metrics: counts, by the metric's name.
    """

    def __init__(self) -> None:
        self.metrics: dict[str, int] = {}

    def count(self, metrics: Mapping[str, int]) -> None:
        """Add to the metrics."""
        for name, number in metrics.items():
            self.metrics[name] = self.metrics.get(name, 0) + number


class Invocations:
    """The log keys, metrics and segments of one function's invocations.

    Args:
        service: the function's name.
        settings: whether there are metrics and traces.
    """

    def __init__(self, service: str, settings: LogSettings) -> None:
        self._service = service
        measured = settings.metrics_namespace and settings.log_format == "json"
        self._metrics = (
            Metrics(service=service, namespace=settings.metrics_namespace) if measured else None
        )
        self._tracer = _tracer(service) if settings.tracing == "Active" else None
        self._cold = True

    @contextmanager
    def recorded(self, context: LambdaContext) -> Iterator[Invocation]:
        """Record the invocation that runs in the block; an exception passes."""
        cold, self._cold = self._cold, False
        invocation = Invocation()
        with ExitStack() as stack:
            stack.enter_context(
                bind(function_request_id=context.aws_request_id, cold_start=cold or None)
            )
            if self._tracer is not None:
                stack.enter_context(_segment(self._tracer, self._service, cold))
            try:
                yield invocation
            finally:
                self._measure(invocation, context, cold)

    def _measure(self, invocation: Invocation, context: LambdaContext, cold: bool) -> None:
        if self._metrics is None:
            return
        if cold:
            self._metrics.provider.add_cold_start_metric(context)
        for name, number in invocation.metrics.items():
            self._metrics.add_metric(name, MetricUnit.Count, number)
        if invocation.metrics:
            # A search for this id leads from a point in a graph to the lines of the invocation.
            self._metrics.add_metadata("function_request_id", context.aws_request_id)
            self._metrics.flush_metrics()


def _tracer(service: str) -> Tracer:
    # It imports the X-Ray SDK, so only a function that traces waits for it.
    from aws_lambda_powertools import Tracer

    return Tracer(service=service, auto_patch=False)


@contextmanager
def _segment(tracer: Tracer, service: str, cold: bool) -> Iterator[None]:
    with tracer.provider.in_subsegment(name=f"## {service}") as segment:
        segment.put_annotation("ColdStart", cold)
        segment.put_annotation("Service", service)
        yield
