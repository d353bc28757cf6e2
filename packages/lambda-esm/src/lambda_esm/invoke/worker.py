"""The worker process: imports one handler, then answers jobs until its parent closes the pipe."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

import msgspec

from lambda_esm.errors import TemplateError
from lambda_esm.invoke.frames import Frames
from lambda_esm.invoke.handler import call, import_handlers
from lambda_esm.model.event import Rows, Source
from lambda_esm.model.function import Function
from lambda_esm.model.outcome import Kind


class Start(msgspec.Struct, frozen=True):
    """What the worker is told first."""

    function: Function


class Job(msgspec.Struct, frozen=True):
    """One invocation."""

    request_id: str
    topic: str
    members: dict[str, Any]
    rows: Rows


class Answer(msgspec.Struct, frozen=True):
    """How it ended; ``answer`` is JSON."""

    kind: Kind
    answer: bytes = b""
    reason: str = ""


def main() -> None:
    """Run with the two ends of the pipes as arguments."""
    # Ctrl-C goes to all processes of a terminal; the parent decides when this one ends.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    frames = Frames(int(sys.argv[1]), int(sys.argv[2]))
    start = msgspec.msgpack.decode(_expect(frames), type=Start)
    try:
        handler = import_handlers([start.function])[start.function.name]
    except TemplateError as error:
        frames.send(msgspec.msgpack.encode(Answer("error", reason=str(error))))
        return
    frames.send(msgspec.msgpack.encode(Answer("success")))
    decoder = msgspec.msgpack.Decoder(Job)
    while (frame := frames.receive()) is not None:
        job = decoder.decode(frame)
        event = Source(job.topic, job.members).event(job.rows)
        outcome = call(handler, event, start.function, job.request_id)
        answer = b"" if outcome.answer is None else json.dumps(outcome.answer).encode()
        frames.send(msgspec.msgpack.encode(Answer(outcome.kind, answer, outcome.reason)))


def _expect(frames: Frames) -> bytes:
    frame = frames.receive()
    if frame is None:
        os._exit(0)
    return frame


if __name__ == "__main__":
    main()
