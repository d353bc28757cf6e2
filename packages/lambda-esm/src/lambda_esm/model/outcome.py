"""What an invocation came to, over any of the invokers."""

from __future__ import annotations

import uuid
from typing import Any, Final, Literal, Protocol

import msgspec

from lambda_esm.model.event import Records
from lambda_esm.model.mapping import Mapping

Result = Literal[
    "success", "partial", "malformed", "error", "timeout", "throttled", "unreachable"
]  # fmt: skip

VERSION: Final = "$LATEST"


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The end of one invocation.

    Attributes:
        result: an invoker says ``success``; ``error`` and ``timeout`` when the function failed;
            ``throttled`` and ``unreachable`` when the batch has not reached it. From the response
            follow ``partial`` (some records failed) and ``malformed`` (it cannot be read).
        request_id: names the invocation in logs.
        response: what the function returned, as JSON has it; only after success.
        reason: one line, after a failure.
        status_code: HTTP status of the Invoke API.
        executed_version: the version that ran.
        function_error: ``Handled`` or ``Unhandled``, as the Invoke API says.
    """

    result: Result
    request_id: str
    response: Any = None
    reason: str = ""
    status_code: int = 200
    executed_version: str = VERSION
    function_error: str = "Unhandled"

    @property
    def reached(self) -> bool:
        """Whether the function has seen the batch."""
        return self.result not in ("throttled", "unreachable")


def new_request_id() -> str:
    """Return a new request id, in the form that Lambda gives."""
    return str(uuid.uuid4())


class Invoker(Protocol):
    """Invokes functions; called from several threads."""

    def invoke(self, mapping: Mapping, records: Records) -> Outcome:
        """Send one event and wait for the end of the invocation; raise nothing."""
        ...

    def close(self) -> None:
        """Release what invocations needed; none follows."""
        ...
