"""Stands in for an ingress controller: HTTP to the pods of a Service, over connections it keeps."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from threading import Thread
from typing import Final, Self

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local import ports
from tests.services import eventually

# As long as Traefik keeps an idle connection (idleConnTimeout).
_KEPT_S: Final = 90
_METHODS: Final = ["GET", "POST", "PATCH", "DELETE", "PUT", "OPTIONS"]
_OWN: Final = {b"connection", b"transfer-encoding", b"content-length", b"content-encoding"}


class Ingress:
    """Asks one endpoint after the other, and none twice: what fails there, a client sees.

    Args:
        endpoints: the base URLs of the pods that it knows of at the moment.

    Attributes:
        url: where it listens.
        failures: requests that no pod has answered.
    """

    def __init__(self, endpoints: Callable[[], list[str]]) -> None:
        self._endpoints = endpoints
        self._turn = itertools.count()
        self.failures: list[str] = []
        port = ports.any_free()
        self.url = f"http://{ports.HOST}:{port}"
        self._http = httpx.AsyncClient(
            timeout=60, limits=httpx.Limits(max_connections=None, keepalive_expiry=_KEPT_S)
        )
        app = Starlette(
            routes=[Route("/{path:path}", self._pass_on, methods=_METHODS)], lifespan=self._close
        )
        self._server = uvicorn.Server(
            uvicorn.Config(
                app, host=ports.HOST, port=port, log_config=None, access_log=False,
                timeout_keep_alive=_KEPT_S, timeout_graceful_shutdown=5,
            )
        )  # fmt: skip
        self._thread = Thread(target=self._server.run, name="ingress", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        eventually(lambda: self._server.started)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()

    @asynccontextmanager
    async def _close(self, _: Starlette) -> AsyncIterator[None]:
        async with self._http:
            yield

    async def _pass_on(self, request: Request) -> Response:
        """``X-Forwarded-For`` is the client's: a trusted load balancer stands in front of this."""
        endpoints = self._endpoints()
        if not endpoints:
            return self._failed("no pod is ready", 503)
        pod = endpoints[next(self._turn) % len(endpoints)]
        query = f"?{request.url.query}" if request.url.query else ""
        headers = [pair for pair in request.headers.raw if pair[0] not in _OWN]
        try:
            answer = await self._http.request(
                request.method, f"{pod}{request.url.path}{query}",
                headers=headers, content=await request.body(),
            )  # fmt: skip
        except httpx.TransportError as error:
            return self._failed(f"{request.method} {request.url.path} at {pod}: {error!r}", 502)
        response = Response(answer.content, answer.status_code)
        response.raw_headers += [
            (name.lower(), value) for name, value in answer.headers.raw if name.lower() not in _OWN
        ]
        return response

    def _failed(self, reason: str, status: int) -> Response:
        self.failures.append(reason)
        return Response(reason, status)
