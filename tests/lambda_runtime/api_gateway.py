"""API Gateway's HTTP API in front of a function: requests as events of payload format 2.0."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

_EVENTS = Path(__file__).parents[1] / "events"
Invoke = Callable[[dict[str, Any]], Any]


def load(name: str) -> dict[str, Any]:
    """A recorded event: ``tests/events/api_gateway_<name>.json``."""
    found: dict[str, Any] = json.loads((_EVENTS / f"api_gateway_{name}.json").read_text())
    return found


def event(request: httpx.Request) -> dict[str, Any]:
    """The event that API Gateway makes of a request (Developer Guide, "Payload format version")."""
    made = load("get_health")
    http = made["requestContext"]["http"]
    made["rawPath"] = http["path"] = request.url.path
    made["rawQueryString"] = request.url.query.decode()
    made["routeKey"] = made["requestContext"]["routeKey"] = "$default"
    http["method"] = request.method
    made["headers"] = {**made["headers"], **request.headers}
    http["sourceIp"] = made["headers"].get("x-forwarded-for", http["sourceIp"])
    body = request.read()
    if body:
        made["body"], made["isBase64Encoded"] = _body(body, request.headers)
    return made


class Transport(httpx.BaseTransport):
    """Lets an HTTP client speak to a function.

    Args:
        invoke: takes the event and returns the function's answer.
    """

    def __init__(self, invoke: Invoke) -> None:
        self._invoke = invoke

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Invoke the function with the request, and read its answer as API Gateway does."""
        answer = self._invoke(event(request))
        content = answer.get("body") or ""
        raw = b64decode(content) if answer.get("isBase64Encoded") else content.encode()
        headers = [(name, value) for name, value in (answer.get("headers") or {}).items()]
        headers += [("set-cookie", cookie) for cookie in answer.get("cookies") or []]
        return httpx.Response(answer["statusCode"], headers=headers, content=raw)


def client(invoke: Invoke) -> httpx.Client:
    """An HTTP client of a function behind API Gateway."""
    return httpx.Client(base_url="https://api.example.com", transport=Transport(invoke))


def _body(body: bytes, headers: Mapping[str, str]) -> tuple[str, bool]:
    kind = headers.get("content-type", "")
    if kind.startswith(("application/json", "text/")):
        return body.decode(), False
    return b64encode(body).decode(), True
