"""The context object that a handler is called with (Developer Guide, "Lambda context object")."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime
from typing import Any, Final

from local.esm.template.functions import Function

VERSION: Final = "$LATEST"


class LambdaContext:
    """What Lambda's Python runtime passes beside the event; the names are its.

    Args:
        function: which function is invoked.
        request_id: names this invocation.
    """

    client_context: Any = None
    identity: Any = None
    function_version = VERSION

    def __init__(self, function: Function, request_id: str) -> None:
        self.aws_request_id = request_id
        self.function_name = function.name
        self.invoked_function_arn = function.arn
        self.memory_limit_in_mb = str(function.memory_mb)  # a string, as in the runtime
        self.log_group_name = f"/aws/lambda/{function.name}"
        self.log_stream_name = f"{datetime.now(UTC):%Y/%m/%d}/[{VERSION}]{'0' * 32}"
        self._deadline = time.monotonic() + function.timeout_s

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function's timeout, never below zero."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))

    def log(self, message: object) -> None:
        """Write a line, as the runtime's own ``context.log`` does."""
        print(message)  # noqa: T201 - a handler asked for standard output


def new_request_id() -> str:
    """A name for an invocation, in the form Lambda gives."""
    return str(uuid.uuid4())


def environment_of(function: Function) -> dict[str, str]:
    """The variables that Lambda adds to a function's own (Developer Guide, "Defined runtime
    environment variables"), as far as they mean something here."""
    return {
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_VERSION": VERSION,
        "_HANDLER": function.handler,
    }
