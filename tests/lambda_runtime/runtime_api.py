"""Lambda's Runtime API, for what the emulator does not know: snapshots and traces.

Developer Guide, "Lambda runtime API". The runtime asks for ``restore/next`` when it is ready for
the snapshot; the answer comes when a copy of it is restored.
"""

from __future__ import annotations

import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Event, Thread
from typing import Any

from local import ports

TRACE_ID = "1-5bef4de7-ad49b0e87f6ef6c87fc2e700"
_TRACE = f"Root={TRACE_ID};Parent=53995c3f42cd8ad8;Sampled=1"
_INVOCATION = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"


class RuntimeApi:
    """Serves one runtime.

    Attributes:
        address: for ``AWS_LAMBDA_RUNTIME_API``.
        snapshot: set when the runtime is ready for its snapshot.
        answers: what the function has returned; or the error it was stopped by.
    """

    def __init__(self) -> None:
        self.snapshot, self._restored = Event(), Event()
        self.answers: Queue[Any] = Queue()
        self._events: Queue[bytes] = Queue()
        self._server = ThreadingHTTPServer((ports.HOST, 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, name="runtime-api")
        self._thread.start()
        self.address = f"{ports.HOST}:{self._server.server_port}"

    def restore(self) -> None:
        """Let the runtime go on, as a restored copy does."""
        self._restored.set()

    def invoke(self, event: object) -> Any:
        """Hand out an event and wait for the answer."""
        self._events.put(json.dumps(event).encode())
        return self.answers.get(timeout=60)

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer_get(self, path: str) -> bytes:
        """What a GET is answered with, when it is time."""
        if path.endswith("/restore/next"):
            self.snapshot.set()
            self._restored.wait()
            return b""
        return self._events.get()


def _handler(api: RuntimeApi) -> type[BaseHTTPRequestHandler]:
    class RequestHandler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = api.answer_get(self.path)
            self._send(200, body)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            api.answers.put(json.loads(body))
            self._send(202, b"{}")

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Lambda-Runtime-Aws-Request-Id", _INVOCATION)
            self.send_header("Lambda-Runtime-Deadline-Ms", str(int((time.time() + 60) * 1000)))
            self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:function:test")
            # The runtime client reads these without asking whether they are there.
            self.send_header("Lambda-Runtime-Trace-Id", _TRACE)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return RequestHandler
