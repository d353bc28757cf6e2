"""The FastAPI application, made from services that are given."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from gateway.http import problems, requests
from gateway.http.api_router import API
from gateway.http.fastapi import FastAPI
from gateway.middleware.rate_limit import Throttled
from gateway.middleware.request_context import Edge
from gateway.routes import auth, email, health, keys, pages, password, profile, sessions, totp
from gateway.routes.dependencies import Services

_VERSION = "1"
# A route is looked for from the first one on: what is asked for most often comes first.
_PARTS = (health, profile, auth, sessions, password, email, totp, keys)
_SHOWN = (auth, profile, password, email, sessions, totp, keys, health)
_REF = "#/components/schemas/{model}"
_NEVER_AT_REGISTER = {"open": ("202",), "verified": ("201",), "private": ("201", "409")}


def create_app(services: Services) -> FastAPI:
    """The application.

    Args:
        services: what the routes work with.
    """
    app = FastAPI(
        title="User services",
        description="Accounts and sessions; every error is an RFC 9457 problem.",
        version=_VERSION,
        openapi_tags=[{"name": tag} for part in _SHOWN for tag in part.router.tags],
        docs_url=None,
        redoc_url=None,
        routes=[*(route for part in _PARTS for route in part.router.routes), *pages.routes()],
    )
    app.state.services = services
    problems.install(app)
    app.add_middleware(Throttled, throttle=services.throttle, prefix=API)
    app.add_middleware(Edge)  # added last, so it is the outermost
    _describe_problems(app, services.sign_up)
    return app


def _describe_problems(app: FastAPI, sign_up: str) -> None:
    """Add to the document what its problem responses refer to; leave out what cannot occur."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = plain()
            _, found = models_json_schema(
                [(requests.Problem, "serialization"), (requests.InvalidRequest, "serialization")],
                ref_template=_REF,
            )
            document["components"]["schemas"].update(found["$defs"])
            register = document["paths"][f"{API}/auth/register"]["post"]["responses"]
            for status in _NEVER_AT_REGISTER[sign_up]:
                del register[status]
        return plain()

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's documented way to extend it
