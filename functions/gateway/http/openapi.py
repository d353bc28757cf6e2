"""The API's document: how routes describe themselves, their problems and what comes next."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from gateway.http.fastapi import APIRouter, FastAPI
from gateway.http.problems import MEDIA_TYPE
from gateway.http.responses import InvalidRequest, Problem, View

API_PREFIX = "/api/v1"

_SCHEMA = "#/components/schemas/{model}"
_SENTENCES = {
    400: "The token is not valid, or no longer",
    401: "The caller is not signed in, or not any more",
    403: "Something else has to be done first",
    404: "It does not exist",
    409: "It belongs to another user, or its state does not allow this",
    413: "The body is too large",
    422: "The request does not have the form that is required",
    429: "The client's allowance is used up",
    503: "A service is unavailable for now",
    504: "A service did not answer in time",
}
# By SIGN_UP: the responses to a registration that it rules out.
_NEVER_AT_REGISTER = {"open": ("202",), "verified": ("201",), "private": ("201", "409")}

Responses = dict[int | str, dict[str, Any]]


def api_router(tag: str, prefix: str) -> APIRouter:
    """Return a router whose routes have their whole paths, so that an app takes them as they are.

    FastAPI's ``include_router`` analyses each route a second time when the first request comes,
    and takes longer to match every request.

    Args:
        tag: the heading of these routes in the document.
        prefix: what their paths begin with.
    """
    return APIRouter(
        prefix=prefix, tags=[tag], generate_unique_id_function=lambda route: route.name
    )


def problems(*statuses: int) -> Responses:
    """Return the ``responses`` of a route: these problems, and those of every limited route."""
    return {status: _problem(status) for status in sorted({*statuses, 429, 503, 504})}


def with_body(*statuses: int) -> Responses:
    """Return the ``responses`` of a route that takes a body: see :func:`problems`."""
    return problems(413, 422, *statuses)


def also(status: int, model: type[View]) -> Responses:
    """Return another response of a route, which is not a problem."""
    return {status: {"model": model, "description": (model.__doc__ or "").strip()}}


def leads_to(status: int, **links: tuple[str, dict[str, str]]) -> Responses:
    """Return OpenAPI's links: what a client can do next with a response.

    Args:
        links: by name: the operation, and for each member of its body, or parameter, where in the
            response it is.
    """
    return {status: {"links": {name: _link(*link) for name, link in links.items()}}}


def describe_problems(app: FastAPI, sign_up: str) -> None:
    """Add the schemas of problems to the app's document; leave out what cannot occur.

    Args:
        sign_up: the setting.
    """
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = plain()
            _, found = models_json_schema(
                [(Problem, "serialization"), (InvalidRequest, "serialization")],
                ref_template=_SCHEMA,
            )
            document["components"]["schemas"].update(found["$defs"])
            register = document["paths"][f"{API_PREFIX}/auth/register"]["post"]["responses"]
            for status in _NEVER_AT_REGISTER[sign_up]:
                del register[status]
        return plain()

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's documented way to extend it


def _problem(status: int) -> dict[str, Any]:
    model = InvalidRequest if status == 422 else Problem
    schema = {"$ref": _SCHEMA.format(model=model.__name__)}
    return {"description": _SENTENCES[status], "content": {MEDIA_TYPE: {"schema": schema}}}


def _link(operation: str, given: dict[str, str]) -> dict[str, Any]:
    places = {name: f"$response.body#/{pointer}" for name, pointer in given.items()}
    parameters = {name: places[name] for name in places if name.endswith("_id")}
    body = {name: places[name] for name in places if name not in parameters}
    found: dict[str, Any] = {"operationId": operation}
    return {**found, **({"parameters": parameters} if parameters else {"requestBody": body})}
