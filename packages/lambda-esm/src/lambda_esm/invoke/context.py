"""The context object that a handler is called with (Developer Guide, "Lambda context object")."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from typing import Any

from lambda_esm.model.function import Function
from lambda_esm.model.outcome import VERSION


class LambdaContext:
    """What Lambda's Python runtime passes beside the event; the names are the runtime's.

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
        self._function = function
        self._deadline = time.monotonic() + function.timeout_s

    @property
    def invoked_function_arn(self) -> str:
        """The function's ARN."""
        return self._function.arn

    @property
    def memory_limit_in_mb(self) -> str:
        """A string, as in Lambda's runtime."""
        return str(self._function.memory_mb)

    @property
    def log_group_name(self) -> str:
        """The log group that the function would have."""
        return f"/aws/lambda/{self.function_name}"

    @property
    def log_stream_name(self) -> str:
        """The log stream of the one execution environment there is."""
        return f"{datetime.now(UTC):%Y/%m/%d}/[{VERSION}]{'0' * 32}"

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the function's timeout, never below zero."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))

    def log(self, message: object) -> None:
        """Write a line to standard output, as the runtime's own ``context.log`` does."""
        sys.stdout.write(f"{message}\n")


def runtime_environment(function: Function) -> dict[str, str]:
    """Return the variables that Lambda adds to a function's own.

    Source: Developer Guide, "Defined runtime environment variables"; the ones that mean something
    here.
    """
    return {
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_VERSION": VERSION,
        "_HANDLER": function.handler,
    }
