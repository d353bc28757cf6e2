"""Logs: one readable line, or JSON. Both show what is given as ``extra``."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from lambda_esm.settings import LogSettings

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_SHOWN_FIRST = ("INFO", "DEBUG")


def configure(settings: LogSettings) -> None:
    """Send this process's logs to standard output.

    A handler module that is imported later may configure logging anew, as in Lambda.
    """
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_JsonFormatter() if settings.log_format == "json" else _LineFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level)


class _LineFormatter(logging.Formatter):
    """``12:00:01 message key=value``; the level only where it is a warning or worse."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(message)s", "%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        level = "" if record.levelname in _SHOWN_FIRST else f"{record.levelname} "
        extra = "".join(f" {name}={value}" for name, value in _extra(record).items())
        return f"{record.asctime} {level}{record.message}{extra}"


class _JsonFormatter(logging.Formatter):
    """The members that Powertools for AWS Lambda writes, so that both can be searched alike."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "level": record.levelname,
            "location": f"{record.name}:{record.lineno}",
            "message": record.getMessage(),
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "service": "esm",
            **_extra(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def _extra(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}
