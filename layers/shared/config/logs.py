"""Logs: JSON for CloudWatch, or one readable line for a person, with the same words.

Modules use ``logging.getLogger(__name__)`` with a constant message and ``extra={...}``; an entry
point calls :func:`configure` once. What :func:`bind` holds is on every line written inside it, so
that one request can be followed from the API through Kafka to the mail.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from shared.config.lazy_imports import deferred
from shared.config.settings import LogSettings

# Powertools' logger finds correlation ids in events with it; only the formatter is used here.
with deferred("aws_lambda_powertools.utilities.jmespath_utils"):
    from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

_context: ContextVar[dict[str, object] | None] = ContextVar("log_context", default=None)
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",
    "color_message",  # uvicorn's, for its own formatter
}
_SHOWN_FIRST = ("INFO", "DEBUG")


def configure(service: str, settings: LogSettings) -> None:
    """Send this process's logs to standard output.

    Args:
        service: the name of the function, on every line.
        settings: level and format.
    """
    handler = logging.StreamHandler(sys.stdout)
    handler.addFilter(_add_context)
    if settings.log_format == "json":
        handler.setFormatter(LambdaPowertoolsFormatter(service=service, use_rfc3339=True, utc=True))
    else:
        handler.setFormatter(_LineFormatter())
    root = logging.getLogger()
    root.handlers = [handler]  # the Lambda runtime has put its own there
    root.setLevel(settings.log_level)


@contextmanager
def bind(**keys: object) -> Iterator[None]:
    """Add keys to every line that the block logs, on this thread or task; None is left out."""
    known = {name: value for name, value in keys.items() if value is not None}
    token = _context.set({**(_context.get() or {}), **known})
    try:
        yield
    finally:
        _context.reset(token)


class _LineFormatter(logging.Formatter):
    """``12:00:01 message key=value``; the level only where it is a warning or worse."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(message)s", "%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        level = "" if record.levelname in _SHOWN_FIRST else f"{record.levelname} "
        extra = "".join(
            f" {name}={value}" for name, value in vars(record).items() if name not in _STANDARD
        )
        return f"{record.asctime} {level}{record.message}{extra}"


def _add_context(record: logging.LogRecord) -> bool:
    for name, value in (_context.get() or {}).items():
        vars(record).setdefault(name, value)
    return True
