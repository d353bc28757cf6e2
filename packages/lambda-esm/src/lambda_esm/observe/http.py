"""``GET /metrics``, ``/healthz`` and ``/livez``, for Prometheus and Kubernetes."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from lambda_esm.errors import EsmError

log = logging.getLogger(__name__)

# Whether all is well, the content type and the body.
_Page = tuple[bool, str, bytes]
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class HttpServer:
    """A server of metrics and health, on a thread of its own.

    Args:
        address: ``host:port``; port 0 takes a free one.
        metrics: gives Prometheus's text.
        health: gives the whole state; its members ``healthy`` and ``alive`` decide the status.

    Raises:
        EsmError: the address cannot be used.
    """

    def __init__(
        self, address: str, metrics: Callable[[], bytes], health: Callable[[], dict[str, Any]]
    ) -> None:
        host, _, port = address.rpartition(":")
        pages: dict[str, Callable[[], _Page]] = {
            "/metrics": lambda: (True, _METRICS_TYPE, metrics()),
            "/healthz": lambda: _state(health(), "healthy"),
            "/livez": lambda: _state(health(), "alive"),
        }
        try:
            self._server = ThreadingHTTPServer((host or "127.0.0.1", int(port)), _handler(pages))
        except (OSError, ValueError, OverflowError) as error:
            raise EsmError(f"Cannot serve HTTP on {address!r}: {error}.") from None
        self._thread = Thread(target=self._server.serve_forever, name="http", daemon=True)
        self._thread.start()
        shown_host, shown_port = self._server.server_address[:2]
        log.info("serving metrics and health", extra={"url": f"http://{shown_host!s}:{shown_port}"})

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _state(health: dict[str, Any], member: str) -> _Page:
    return bool(health[member]), "application/json", json.dumps(health).encode()


def _handler(pages: dict[str, Callable[[], _Page]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path.partition("?")[0])
            if page is None:
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            well, content_type, body = page()
            self.send_response(HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base's
            log.debug(format, *arguments)

    return Handler
