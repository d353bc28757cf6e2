"""Asks the gateway whether a request would be answered."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from local import ports

_EVERY_S: Final = 0.1
_PATIENCE_S: Final = 15.0
_TIMEOUT_S: Final = 5.0


class Answering(NamedTuple):
    """The system answers, since this monotonic time."""

    at: float


class NotAnswering(NamedTuple):
    """It does not, after a while; the reason is as the gateway gives it."""

    reason: str


def watch(port: int, tell: Callable[[Answering | NotAnswering], None]) -> None:
    """Ask until the answer is yes, in a thread of its own; say once that it takes long."""
    threading.Thread(target=_ask, args=(port, tell), name="readiness", daemon=True).start()


def _ask(port: int, tell: Callable[[Answering | NotAnswering], None]) -> None:
    complain_at = time.monotonic() + _PATIENCE_S
    while reason := _reason(port):
        if time.monotonic() > complain_at:
            tell(NotAnswering(reason))
            complain_at = float("inf")
        time.sleep(_EVERY_S)
    at = time.monotonic()
    time.sleep(_EVERY_S)  # so that the lines about this question are over
    tell(Answering(at))


def _reason(port: int) -> str:
    """Why it is not ready; empty when it is."""
    connection = http.client.HTTPConnection(ports.HOST, port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", "/health/ready")
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
        return "" if answer.status == 200 else text
    except (OSError, http.client.HTTPException) as error:
        return str(error)
    finally:
        connection.close()
