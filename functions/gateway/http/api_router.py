"""A part of the API: routes that stand below one path."""

from __future__ import annotations

from gateway.http.fastapi import APIRouter

API = "/api/v1"


def part(tag: str, path: str) -> APIRouter:
    """A router whose routes have their whole paths, so that an app takes them as they are.

    FastAPI's ``include_router`` analyses each of them a second time when the first request comes,
    and looks for a route longer at every one.

    Args:
        tag: under which the document shows them.
        path: what their paths begin with.
    """
    return APIRouter(prefix=path, tags=[tag], generate_unique_id_function=lambda route: route.name)
