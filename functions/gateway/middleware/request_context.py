"""The outermost middleware: each request gets a context, a bounded body and one log line.

A request id comes in or is made. It goes out on the response and is on every log line and Kafka
record between. When something breaks, the client is sent a problem and nothing else.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.context import RequestContext, request_context
from gateway.http.problems import problem
from shared.config.logs import bind
from shared.contract.messages import Client

log = logging.getLogger(__name__)

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
# W3C Trace Context, section 3.2.
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_NO_SNIFFING = (b"x-content-type-options", b"nosniff")
_OURS = frozenset({b"x-request-id", b"x-content-type-options"})
_NO_STORE = (b"cache-control", b"no-store")
_MAX_BODY_BYTES = 64 * 1024
_LONGEST_USER_AGENT = 400
_LONGEST_ADDRESS = 45


class BodyTooLarge(HTTPException):
    """A body is larger than any route takes; an HTTPException passes FastAPI's body parser."""

    def __init__(self) -> None:
        super().__init__(413, "The body has more than 64 KiB.")


class RequestContextMiddleware:
    """ASGI middleware that sets the request's context and logs the request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        request_id, traceparent = _identify(headers)
        token = request_context.set(
            RequestContext(request_id, traceparent, _device(headers, scope))
        )
        response = _Response(send, request_id)
        try:
            with bind(request_id=request_id):
                await self._serve(scope, _bounded(receive), response)
        finally:
            request_context.reset(token)

    async def _serve(self, scope: Scope, receive: Receive, response: _Response) -> None:
        started = time.perf_counter()
        try:
            await self._app(scope, receive, response.send)
        except Exception:
            log.exception("request failed")
            if response.status:
                raise  # too late for another response: the server cuts the connection
            broken = problem(500, "internal-error", "Something went wrong here.")
            await broken(scope, receive, response.send)
        finally:
            level = _level(scope["path"])
            if log.isEnabledFor(level):
                log.log(level, "request", extra=_log_fields(scope, response.status, started))


class _Response:
    """Adds the headers that every response has."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id.encode()
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [each for each in message["headers"] if each[0] not in _OURS]
            headers += [(b"x-request-id", self._request_id), _NO_SNIFFING]
            # Tokens and profiles are in bodies (RFC 6749, section 5.1); what may be cached says so.
            if all(name != b"cache-control" for name, _ in headers):
                headers.append(_NO_STORE)
            message["headers"] = headers
        await self._send(message)


def _log_fields(scope: Scope, status: int, started: float) -> dict[str, object]:
    took_ms = round((time.perf_counter() - started) * 1000)
    return {"method": scope["method"], "path": scope["path"], "status": status, "ms": took_ms}


def _level(path: str) -> int:
    """Return DEBUG for probes: they come every few seconds and would hide other requests."""
    return logging.DEBUG if path.startswith("/health") else logging.INFO


def _identify(headers: Mapping[bytes, bytes]) -> tuple[str, str | None]:
    given = headers.get(b"x-request-id", b"")
    trace = headers.get(b"traceparent", b"")
    return (
        given.decode() if _REQUEST_ID.fullmatch(given) else secrets.token_hex(16),
        trace.decode() if _TRACEPARENT.fullmatch(trace) else None,
    )


def _device(headers: Mapping[bytes, bytes], scope: Scope) -> Client:
    agent = headers.get(b"user-agent", b"").decode("latin-1")
    shown = agent if agent.isprintable() else "".join(filter(str.isprintable, agent))
    client = scope.get("client")
    return Client(
        user_agent=shown[:_LONGEST_USER_AGENT] or None,
        ip=client[0][:_LONGEST_ADDRESS] if client else None,
    )


def _bounded(receive: Receive) -> Receive:
    size = 0

    async def bounded() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > _MAX_BODY_BYTES:
            raise BodyTooLarge
        return message

    return bounded
