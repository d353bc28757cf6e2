"""A Lambda Invoke API that records every invocation and answers as a test wants."""

from __future__ import annotations

import itertools
import json
import threading
import time
from base64 import b64decode
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Reply(NamedTuple):
    """What the API answers: a JSON body, or a raw one."""

    body: Any = None
    status: int = 200
    error: str = ""
    raw: bytes | None = None


OK = Reply()
ERROR = Reply({"errorMessage": "boom", "errorType": "ValueError"}, error="Unhandled")
THROTTLED = Reply({"Type": "User", "Message": "Rate Exceeded."}, 429)


def failing(*positions: tuple[str, int]) -> Reply:
    """Return a partial batch response that lists partition names and offsets."""
    items = [{"itemIdentifier": {"partition": p, "offset": o}} for p, o in positions]
    return Reply({"batchItemFailures": items})


class Call:
    """One invocation."""

    def __init__(self, path: str, headers: dict[str, str], body: bytes, connection: int) -> None:
        self.path, self.headers, self.body, self.connection = path, headers, body, connection
        self.event: dict[str, Any] = json.loads(body)
        self.began = time.monotonic()
        self.ended: float | None = None

    @property
    def function(self) -> str:
        return self.path.split("/")[3]

    @property
    def partitions(self) -> set[str]:
        return set(self.event["records"])

    @property
    def records(self) -> list[dict[str, Any]]:
        return [record for partition in self.event["records"].values() for record in partition]

    @property
    def values(self) -> list[str]:
        return [b64decode(record["value"]).decode() for record in self.records]

    @property
    def offsets(self) -> list[tuple[int, int]]:
        return [(record["partition"], record["offset"]) for record in self.records]


class Endpoint:
    """Serves on a free port until closed.

    Attributes:
        url: the base URL.
        calls: in the order in which they arrived.
        answer: decides each reply; it may wait, to keep an invocation out.
        request_id: what invocations are named, if not empty.
        close_after_answer: whether to end each connection without saying so.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.answer: Callable[[Call], Reply] = lambda _: OK
        self.request_id = ""
        self.close_after_answer = False
        self._connections = itertools.count()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def __enter__(self) -> Endpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def values(self) -> list[str]:
        """Every value sent, in order, repeats included."""
        return [value for call in list(self.calls) for value in call.values]

    @property
    def out(self) -> list[Call]:
        """The invocations that have not been answered yet."""
        return [call for call in list(self.calls) if call.ended is None]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # one packet for an answer

            def setup(self) -> None:
                super().setup()
                self.connection_number = next(endpoint._connections)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                call = Call(self.path, dict(self.headers), body, self.connection_number)
                endpoint.calls.append(call)
                reply = endpoint.answer(call)
                call.ended = time.monotonic()
                self._send(reply)
                self.close_connection = endpoint.close_after_answer

            def _send(self, reply: Reply) -> None:
                raw = reply.raw
                if raw is None:
                    raw = b"" if reply.body is None else json.dumps(reply.body).encode()
                self.send_response(reply.status)
                if reply.error:
                    self.send_header("X-Amz-Function-Error", reply.error)
                if endpoint.request_id:
                    self.send_header("x-amzn-RequestId", endpoint.request_id)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)
                self.wfile.flush()

            def log_message(self, *args: object) -> None:
                """Write no log: tests look at calls."""

        return Handler
