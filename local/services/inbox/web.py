"""The inbox over HTTP: Mailpit's JSON paths, and a page for people.

A mail may come from anywhere, so its HTML is untrusted: it is shown in a
sandboxed frame without scripts, forms or anything fetched from elsewhere.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from local.services.inbox.store import Store

_HERE = Path(__file__).parent
_LIMIT = 50  # mails in one answer; Mailpit's default
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)
_SAFE = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}


def create_app(store: Store, hosts: list[str]) -> Starlette:
    """Make the application.

    Args:
        store: the mails.
        hosts: the names it may be asked by; others are a web page that tries to read mails by
            having its own name resolve to 127.0.0.1.
    """
    views = _Views(store)
    routes = [
        Route("/", _file("page.html")),
        Route("/page.css", _file("page.css")),
        Route("/page.js", _file("page.js")),
        Route("/readyz", views.ready),
        Route("/api/v1/messages", views.messages, methods=["GET"]),
        Route("/api/v1/messages", views.remove, methods=["DELETE"]),
        Route("/api/v1/search", views.search),
        Route("/api/v1/message/{id}", views.message),
        Route("/api/v1/message/{id}/raw", views.raw),
        Route("/view/{id}.html", views.html),
    ]
    only = Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)
    return Starlette(routes=routes, middleware=[only])


class _Views:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def ready(self, _: Request) -> Response:
        return PlainTextResponse("ok")

    async def messages(self, request: Request) -> Response:
        start, limit = _window(request)
        return self._list(self._store.page(start, limit), start, len(self._store))

    async def search(self, request: Request) -> Response:
        start, limit = _window(request)
        found = self._store.search(request.query_params.get("query", ""))
        return self._list(found[start : start + limit], start, len(found))

    async def message(self, request: Request) -> Response:
        mail = self._store.get(request.path_params["id"])
        return _missing() if mail is None else _json(mail)

    async def raw(self, request: Request) -> Response:
        raw = self._store.raw(request.path_params["id"])
        return _missing() if raw is None else PlainTextResponse(raw, headers=_SAFE)

    async def html(self, request: Request) -> Response:
        mail = self._store.get(request.path_params["id"])
        if mail is None:
            return _missing()
        # A link in a mail opens beside the inbox, not inside the frame.
        page = f'<!doctype html><base target="_blank">{mail.html}'
        headers = _SAFE | {"content-security-policy": _MAIL_POLICY}
        return Response(page, media_type="text/html", headers=headers)

    async def remove(self, request: Request) -> Response:
        body = await request.body()
        try:
            ids = msgspec.json.decode(body, type=_Named).ids if body else []
        except msgspec.DecodeError as error:
            return PlainTextResponse(str(error), status_code=400)
        self._store.remove(ids)
        return PlainTextResponse("ok")

    def _list(self, mails: Any, start: int, matching: int) -> Response:
        return _json(
            {
                "total": len(self._store),
                "unread": self._store.unread,
                "count": len(mails),
                "messages_count": matching,
                "start": start,
                "tags": [],
                "messages": mails,
            }
        )


class _Named(msgspec.Struct):
    ids: list[str] = msgspec.field(name="IDs", default_factory=list)


def _file(name: str) -> Any:
    headers = _SAFE | {"content-security-policy": _PAGE_POLICY, "cache-control": "no-cache"}

    async def serve(_: Request) -> Response:
        return FileResponse(_HERE / name, headers=headers)

    return serve


def _window(request: Request) -> tuple[int, int]:
    """``start`` and ``limit`` of a list; what is no number counts as absent."""

    def number(name: str, default: int) -> int:
        given = request.query_params.get(name, "")
        return int(given) if given.isdecimal() else default

    return number("start", 0), number("limit", _LIMIT)


def _json(what: Any) -> Response:
    return Response(msgspec.json.encode(what), media_type="application/json", headers=_SAFE)


def _missing() -> Response:
    return PlainTextResponse("no such mail", status_code=404)
