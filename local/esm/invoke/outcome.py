"""What an invocation came to, whichever way it was made."""

from __future__ import annotations

from typing import Any, Literal, Protocol

import msgspec

from local.esm.event import Records
from local.esm.mappings import Mapping

Kind = Literal["success", "error", "timeout", "throttle", "unreachable"]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The end of one invocation.

    Attributes:
        kind: ``error`` and ``timeout`` are the function's failures; after ``throttle`` and
            ``unreachable`` the batch has not reached it.
        request_id: names the invocation in logs.
        answer: what the function returned, as JSON has it; only after success.
        reason: one line, after a failure.
        status: HTTP status of the Invoke API.
        version: the version that ran.
    """

    kind: Kind
    request_id: str
    answer: Any = None
    reason: str = ""
    status: int = 200
    version: str = "$LATEST"

    @property
    def reached(self) -> bool:
        """Whether the function has seen the batch."""
        return self.kind not in ("throttle", "unreachable")


class Invoker(Protocol):
    """Invokes functions; called from several threads."""

    def invoke(self, mapping: Mapping, records: Records) -> Outcome:
        """Send one event and wait for the end of it. Raises nothing."""
        ...

    def close(self) -> None:
        """No invocation will follow."""
        ...
