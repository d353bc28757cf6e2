"""One Lambda function: what an invocation needs to know about it."""

from __future__ import annotations

from typing import Final

import msgspec

from lambda_esm.model.account import ACCOUNT, region

# Lambda's own defaults (API reference, CreateFunction).
DEFAULT_TIMEOUT_S: Final = 3
DEFAULT_MEMORY_MB: Final = 128


class Function(msgspec.Struct, frozen=True, kw_only=True):
    """One Lambda function.

    Attributes:
        logical_id: its name in the template.
        name: its name in Lambda.
        handler: dotted name of the handler; empty for an image.
        code: the folder that the template deploys, if it is one on this machine.
        timeout_s, memory_mb: as configured.
        environment: its variables; what only a deployed stack knows is left out.
        concurrency: ``ReservedConcurrentExecutions``, if set.
    """

    logical_id: str
    name: str
    handler: str = ""
    code: str | None = None
    timeout_s: int = DEFAULT_TIMEOUT_S
    memory_mb: int = DEFAULT_MEMORY_MB
    environment: dict[str, str] = {}
    concurrency: int | None = None

    @property
    def arn(self) -> str:
        """The ARN it has in AWS, or would have."""
        return f"arn:aws:lambda:{region()}:{ACCOUNT}:function:{self.name}"
