"""Errors over HTTP: RFC 9457 problem details, the framework's own included."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.routing import Match

from gateway.errors import NotAuthenticated
from gateway.http.fastapi import FastAPI, Request, RequestValidationError, Response
from shared.contract.errors import (
    ReplyTimeout,
    ServiceError,
    SessionEnded,
    TooManyAttempts,
    Unavailable,
    WeakPassword,
)

MEDIA_TYPE = "application/problem+json"
_TYPE = "urn:problem:user-services:"
_RETRY_AFTER_S = "2"
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
# RFC 9110's phrases, which Python has only since 3.13.
_PHRASES = {413: "Content Too Large", 422: "Unprocessable Content"}
# FastAPI names one of these first; JSON pointers begin below it.
_LOCATIONS = ("body", "query", "path", "header", "cookie")


class FieldError(msgspec.Struct, frozen=True):
    """One member of a request that is wrong.

    Attributes:
        pointer: RFC 6901, into the body: ``#/email``.
        detail: a sentence.
    """

    pointer: str
    detail: str


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    errors: Sequence[FieldError] = (),
    headers: dict[str, str] | None = None,
) -> Response:
    """Return a problem as a response.

    Args:
        status: HTTP status code; its phrase is the title.
        code: stable; the end of ``type``.
        detail: a sentence for this occurrence, without secrets.
    """
    body: dict[str, Any] = {
        "type": _TYPE + code,
        "title": _title(status),
        "status": status,
        "detail": detail,
    }
    if errors:
        body["errors"] = errors
    return Response(msgspec.json.encode(body), status, headers, MEDIA_TYPE)


def service_problem(error: ServiceError, path: str = "") -> Response:
    """Return one of this system's errors as a response.

    Args:
        path: of the request.
    """
    headers: dict[str, str] = {}
    if isinstance(error, NotAuthenticated) or error.code == SessionEnded.code:
        headers["www-authenticate"] = 'Bearer error="invalid_token"'  # RFC 6750, section 3
    elif isinstance(error, TooManyAttempts) and error.retry_after_s is not None:
        headers["retry-after"] = str(error.retry_after_s)
    elif isinstance(error, Unavailable | ReplyTimeout) or error.status in {429, 503}:
        headers["retry-after"] = _RETRY_AFTER_S
    errors = []
    if error.code == WeakPassword.code:
        member = "newPassword" if path.endswith("/change") else "password"
        errors.append(FieldError(f"#/{member}", error.message))
    return problem(error.status, error.code, error.message, errors=errors, headers=headers)


def install(app: FastAPI) -> None:
    """Make every error of an app a problem."""

    @app.exception_handler(ServiceError)
    async def _(request: Request, error: ServiceError) -> Response:
        return service_problem(error, request.url.path)

    @app.exception_handler(RequestValidationError)
    async def _(_: Request, error: RequestValidationError) -> Response:
        return _invalid([_member(one) for one in error.errors()])

    @app.exception_handler(HTTPException)
    async def _(request: Request, error: HTTPException) -> Response:
        if error.status_code == 400:  # the framework's only one: the body is not even text
            return _invalid([FieldError("#", "The body is not JSON.")])
        code = _title(error.status_code).lower().replace(" ", "-")
        headers = dict(error.headers or {})
        if error.status_code == 405:
            headers = {"allow": ", ".join(_methods(request))}
        return problem(error.status_code, code, str(error.detail), headers=headers)


def _invalid(errors: Sequence[FieldError]) -> Response:
    detail = "The request does not have the form that is asked for."
    return problem(422, "invalid-request", detail, errors=errors)


def _methods(request: Request) -> list[str]:
    """Return all methods of a path (RFC 9110, section 10.2.1); Starlette names one route's."""

    def is_allowed(method: str) -> bool:
        scope = {**request.scope, "method": method}
        return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)

    return [method for method in _METHODS if is_allowed(method)]


def _title(status: int) -> str:
    return _PHRASES.get(status) or HTTPStatus(status).phrase


def _member(error: dict[str, Any]) -> FieldError:
    """Return a validation error without the value that was sent: it may be a password."""
    place = [str(step) for step in error["loc"]]
    if place and place[0] in _LOCATIONS:
        place = place[1:]
    if error["type"] == "json_invalid":
        return FieldError("#", "The body is not JSON.")
    pointer = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in place)
    return FieldError(f"#{pointer}", error["msg"])
