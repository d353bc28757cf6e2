"""The FastAPI application, made from services that are given."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from gateway import problems, schemas
from gateway.edge import Edge
from gateway.routes import auth, health, profile
from gateway.services import Services
from gateway.throttle import Throttled

_VERSION = "1"
_API = "/api/v1"
_REF = "#/components/schemas/{model}"


def create_app(services: Services) -> FastAPI:
    """The application.

    Args:
        services: what the routes work with.
    """
    app = FastAPI(
        title="User services",
        description="Accounts and sessions; every error is an RFC 9457 problem.",
        version=_VERSION,
        redoc_url=None,
    )
    app.state.services = services
    problems.install(app)
    app.add_middleware(Throttled, throttle=services.throttle, prefix=_API)
    app.add_middleware(Edge)  # added last, so it is the outermost
    for router in (auth.router, profile.router):
        app.include_router(router, prefix=f"{_API}/auth")
    app.include_router(health.router)
    _describe_problems(app)
    return app


def _describe_problems(app: FastAPI) -> None:
    """Add to the document what its problem responses refer to."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = plain()
            _, found = models_json_schema(
                [(schemas.Problem, "serialization"), (schemas.InvalidRequest, "serialization")],
                ref_template=_REF,
            )
            document["components"]["schemas"].update(found["$defs"])
        return plain()

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's documented way to extend it
