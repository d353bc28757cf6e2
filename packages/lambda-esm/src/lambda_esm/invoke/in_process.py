"""Handlers imported into this process: breakpoints work, and nothing stands between.

A thread cannot be killed, so an invocation that overruns its timeout runs to its end here and
counts as timed out then. ``--invoke processes`` kills it, as Lambda does.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable

from lambda_esm.invoke.context import runtime_environment
from lambda_esm.invoke.handler import call_handler, import_handlers
from lambda_esm.model.event import Records
from lambda_esm.model.function import Function
from lambda_esm.model.mapping import Mapping
from lambda_esm.model.outcome import Outcome, new_request_id

log = logging.getLogger(__name__)


class InProcessInvoker:
    """Invokes handlers on the calling thread.

    Args:
        functions: to import; their variables are set where this process has none of the name.

    Raises:
        TemplateError: a handler cannot be imported.
    """

    def __init__(self, functions: Iterable[Function]) -> None:
        functions = list(functions)
        _set_environment(functions)
        self._handlers = import_handlers(functions)

    def invoke(self, mapping: Mapping, records: Records) -> Outcome:
        """Call the handler with a new event."""
        handler = self._handlers[mapping.function.name]
        return call_handler(
            handler, mapping.event_source.event(records), mapping.function, new_request_id()
        )

    def close(self) -> None:
        """Do nothing: there is nothing to end."""


def _set_environment(functions: list[Function]) -> None:
    wanted: dict[str, str] = {}
    for function in functions:
        for name, value in function.environment.items():
            if wanted.setdefault(name, value) != value and name not in os.environ:
                log.warning(
                    "functions in one process want different values of a variable",
                    extra={"function": function.name, "variable": name},
                )
    if len(functions) == 1:  # several functions in one process cannot each have their own
        wanted = {**runtime_environment(functions[0]), **wanted}
    for name, value in wanted.items():
        os.environ.setdefault(name, value)
