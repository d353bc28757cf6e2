"""Handlers in worker processes: one invocation at a time in each, as in Lambda's environments.

A worker that overruns the function's timeout is killed, one that dies is replaced; both count as
the function's discarded. Each has the environment of its own function, and no other function's
modules.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterable
from multiprocessing import Pipe
from queue import Empty, LifoQueue
from typing import Any, Final

import msgspec

from lambda_esm.errors import TemplateError
from lambda_esm.invoke.context import runtime_environment
from lambda_esm.model.event import Records
from lambda_esm.model.function import Function
from lambda_esm.model.mapping import Mapping
from lambda_esm.model.outcome import Outcome, Result, new_request_id

_START_TIMEOUT_S: Final = 60.0
_END_TIMEOUT_S: Final = 2.0
_UNBUFFERED: Final = {"PYTHONUNBUFFERED": "1"}
# A worker that is late, or that died: closed its end, or left unread what was sent to it.
_NO_ANSWER: Final = (TimeoutError, EOFError, ConnectionError)


class ProcessInvoker:
    """Invokes functions in pools of worker processes, which grow up to the concurrency.

    Args:
        mappings: their functions get a pool each, with one worker to begin with.

    Raises:
        TemplateError: a handler cannot be imported.
    """

    def __init__(self, mappings: Iterable[Mapping]) -> None:
        self._idle: dict[str, LifoQueue[_Worker]] = {}
        for mapping in mappings:
            function = mapping.function
            if function.name not in self._idle:
                self._idle[function.name] = LifoQueue()
                self._idle[function.name].put(_Worker(function))

    def invoke(self, mapping: Mapping, records: Records) -> Outcome:
        """Invoke the function in an idle worker, or in a new one."""
        idle = self._idle[mapping.function.name]
        request_id = new_request_id()
        try:
            worker = idle.get_nowait()
        except Empty:
            try:
                worker = _Worker(mapping.function)
            except TemplateError as error:
                return Outcome(result="error", request_id=request_id, reason=str(error))
        outcome = worker.invoke(mapping, records, request_id)
        if worker.alive:
            idle.put(worker)
        return outcome

    def close(self) -> None:
        """End all workers."""
        for idle in self._idle.values():
            with contextlib.suppress(Empty):
                while True:
                    idle.get_nowait().end()


class _Worker:
    """One process with one handler.

    Raises:
        TemplateError: the handler cannot be imported, or the process does not start in time.
    """

    def __init__(self, function: Function) -> None:
        self._function = function
        self._connection, theirs = Pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lambda_esm.invoke.worker", str(theirs.fileno())],
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            env={
                **function.environment,
                **_UNBUFFERED,
                **os.environ,
                **runtime_environment(function),
            },
        )
        theirs.close()
        self.alive = True
        try:
            refusal = self._exchange(function, _START_TIMEOUT_S)
        except _NO_ANSWER as error:
            refusal = self._kill(error, f"the worker did not start within {_START_TIMEOUT_S:g} s")
        if refusal:
            self.end()
            raise TemplateError(refusal)

    def invoke(self, mapping: Mapping, records: Records, request_id: str) -> Outcome:
        """Run one invocation; afterwards the worker may be dead."""
        invocation = (request_id, mapping.event_source, msgspec.msgpack.encode(records))
        timeout_s = self._function.timeout_s
        try:
            outcome: Outcome = self._exchange(invocation, timeout_s)
        except _NO_ANSWER as error:
            reason = self._kill(error, f"Task timed out after {timeout_s} seconds")
            result: Result = "timeout" if isinstance(error, TimeoutError) else "error"
            return Outcome(result=result, request_id=request_id, reason=reason)
        return outcome

    def end(self) -> None:
        """Close the connection, at which the worker ends by itself; kill it if it does not."""
        self._connection.close()
        try:
            self._process.wait(_END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _exchange(self, message: Any, timeout_s: float) -> Any:
        """Send a message and return the answer.

        Raises:
            TimeoutError: no answer within ``timeout_s``, from a worker that still runs.
            EOFError, ConnectionError: the worker died.
        """
        self._connection.send(message)
        if not self._connection.poll(timeout_s):
            raise TimeoutError if self._process.poll() is None else EOFError
        return self._connection.recv()

    def _kill(self, error: Exception, timed_out: str) -> str:
        """Kill the worker and return the reason: that it was too slow, or its exit status."""
        self.alive = False
        self._process.kill()
        status = self._process.wait()
        self._connection.close()
        is_late = isinstance(error, TimeoutError)
        return timed_out if is_late else f"Runtime exited with status {status}"
