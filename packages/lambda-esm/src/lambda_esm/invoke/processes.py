"""Handlers in worker processes: one invocation at a time in each, as in Lambda's environments.

A worker that overruns the function's timeout is killed, one that dies is replaced; both count as
the function's failure. Each has the environment of its own function, and no other function's
modules.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
from collections.abc import Iterable
from queue import Empty, LifoQueue
from typing import Final

import msgspec

from lambda_esm.errors import TemplateError
from lambda_esm.invoke.context import environment_of
from lambda_esm.invoke.frames import Frames
from lambda_esm.invoke.worker import Answer, Job, Start
from lambda_esm.model.event import Rows
from lambda_esm.model.function import Function
from lambda_esm.model.mapping import Mapping
from lambda_esm.model.outcome import Outcome, new_request_id

_START_S: Final = 60.0
_END_S: Final = 2.0
_UNBUFFERED: Final = {"PYTHONUNBUFFERED": "1"}


class Processes:
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

    def invoke(self, mapping: Mapping, rows: Rows) -> Outcome:
        """Hand the records to an idle worker, or to a new one."""
        idle = self._idle[mapping.function.name]
        request_id = new_request_id()
        try:
            worker = idle.get_nowait()
        except Empty:
            try:
                worker = _Worker(mapping.function)
            except TemplateError as error:
                return Outcome(kind="error", request_id=request_id, reason=str(error))
        outcome = worker.invoke(mapping, rows, request_id)
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
    """One process with one handler."""

    def __init__(self, function: Function) -> None:
        self._function = function
        ours, theirs = os.pipe(), os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lambda_esm.invoke.worker", str(theirs[0]), str(ours[1])],
            pass_fds=(theirs[0], ours[1]),
            stdin=subprocess.DEVNULL,
            env={**function.environment, **_UNBUFFERED, **os.environ, **environment_of(function)},
        )
        os.close(theirs[0])
        os.close(ours[1])
        self._frames = Frames(ours[0], theirs[1])
        self.alive = True
        self._frames.send(msgspec.msgpack.encode(Start(function)))
        started = self._receive(_START_S)
        if started is None or started.kind != "success":
            self.kill()
            raise TemplateError(started.reason if started else _ended(self._process))

    def invoke(self, mapping: Mapping, rows: Rows, request_id: str) -> Outcome:
        """Run one invocation; afterwards the worker may be dead."""
        source = mapping.source
        job = Job(request_id, source.topic, source.members, rows)
        try:
            self._frames.send(msgspec.msgpack.encode(job))
        except BrokenPipeError:
            self.kill()
            return Outcome(kind="error", request_id=request_id, reason=_ended(self._process))
        answer = self._receive(self._function.timeout_s)
        if answer is not None:
            value = msgspec.json.decode(answer.answer) if answer.answer else None
            return Outcome(
                kind=answer.kind, request_id=request_id, answer=value, reason=answer.reason
            )
        timed_out = self._process.poll() is None and not self._frames.at_end
        self.kill()
        if timed_out:
            reason = f"Task timed out after {self._function.timeout_s} seconds"
            return Outcome(kind="timeout", request_id=request_id, reason=reason)
        return Outcome(kind="error", request_id=request_id, reason=_ended(self._process))

    def end(self) -> None:
        """Let it end by itself, or else kill it."""
        self._frames.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def kill(self) -> None:
        """End it now."""
        self.alive = False
        self._process.kill()
        self._process.wait()
        self._frames.close()

    def _receive(self, timeout_s: float) -> Answer | None:
        """The next answer; None when it does not come in time, or never."""
        readable, _, _ = select.select([self._frames.incoming], [], [], timeout_s)
        frame = self._frames.receive() if readable else None
        return None if frame is None else msgspec.msgpack.decode(frame, type=Answer)


def _ended(process: subprocess.Popen[bytes]) -> str:
    return f"Runtime exited with status {process.wait()}"
