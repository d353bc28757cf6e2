"""What OpenAPI says of the problems that a route answers with."""

from __future__ import annotations

from typing import Any

from gateway.http import requests
from gateway.http.problems import MEDIA_TYPE

_SENTENCES = {
    400: "The token is not valid, or no longer",
    401: "Who is asking is not known, or no longer",
    403: "Something else has to be done first",
    404: "There is no such thing",
    409: "It is somebody else's already, or not in a state for this",
    413: "The body is too large",
    422: "The request does not have the form that is asked for",
    429: "The client's allowance is used up",
    503: "A service is away for now",
    504: "A service did not answer in time",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a route: these problems, and those that every limited route has."""
    return {status: _problem(status) for status in sorted({*statuses, 429, 503, 504})}


def with_body(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """As :func:`problems`, for a route that takes a body."""
    return problems(413, 422, *statuses)


def also(status: int, model: type[requests.View]) -> dict[int | str, dict[str, Any]]:
    """Another answer that is none of the problems."""
    return {status: {"model": model, "description": (model.__doc__ or "").strip()}}


def _problem(status: int) -> dict[str, Any]:
    model = requests.InvalidRequest if status == 422 else requests.Problem
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {
        "description": _SENTENCES[status],
        "content": {MEDIA_TYPE: {"schema": schema}},
    }


def leads_to(status: int, **links: tuple[str, dict[str, str]]) -> dict[int | str, dict[str, Any]]:
    """What a client can do next with an answer: OpenAPI's links.

    Args:
        links: by name: the operation, and for each member of its body, or parameter, where in the
            answer it is.
    """
    return {status: {"links": {name: _link(*link) for name, link in links.items()}}}


def _link(operation: str, given: dict[str, str]) -> dict[str, Any]:
    places = {name: f"$response.body#/{pointer}" for name, pointer in given.items()}
    parameters = {name: places[name] for name in places if name.endswith("_id")}
    body = {name: places[name] for name in places if name not in parameters}
    found: dict[str, Any] = {"operationId": operation}
    return {**found, **({"parameters": parameters} if parameters else {"requestBody": body})}
