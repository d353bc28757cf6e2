"""What an invocation came to, whichever way it was made."""

from __future__ import annotations

import uuid
from typing import Any, Final, Literal, Protocol

import msgspec

from lambda_esm.model.event import Rows
from lambda_esm.model.mapping import Mapping

Kind = Literal["success", "partial", "malformed", "error", "timeout", "throttled", "unreachable"]

VERSION: Final = "$LATEST"


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The end of one invocation.

    Attributes:
        kind: an invoker says ``success``; ``error`` and ``timeout`` when the function failed;
            ``throttled`` and ``unreachable`` when the batch has not reached it. From the answer
            follow ``partial`` (some records failed) and ``malformed`` (it cannot be read).
        request_id: names the invocation in logs.
        answer: what the function returned, as JSON has it; only after success.
        reason: one line, after a failure.
        status: HTTP status of the Invoke API.
        version: the version that ran.
        function_error: ``Handled`` or ``Unhandled``, as the Invoke API says.
    """

    kind: Kind
    request_id: str
    answer: Any = None
    reason: str = ""
    status: int = 200
    version: str = VERSION
    function_error: str = "Unhandled"

    @property
    def reached(self) -> bool:
        """Whether the function has seen the batch."""
        return self.kind not in ("throttled", "unreachable")


def new_request_id() -> str:
    """Return a new name for an invocation, in the form that Lambda gives."""
    return str(uuid.uuid4())


class Invoker(Protocol):
    """Invokes functions; called from several threads."""

    def invoke(self, mapping: Mapping, rows: Rows) -> Outcome:
        """Send one event and wait for the end of it. Raises nothing."""
        ...

    def close(self) -> None:
        """No invocation will follow."""
        ...
