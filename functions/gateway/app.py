"""The FastAPI application, made from its services."""

from __future__ import annotations

from gateway.http import openapi, problems
from gateway.http.fastapi import FastAPI
from gateway.middleware.rate_limit import RateLimitMiddleware
from gateway.middleware.request_context import RequestContextMiddleware
from gateway.routes import auth, email, health, keys, pages, password, profile, sessions, totp
from gateway.routes.dependencies import Services

_VERSION = "1"
# A request is matched from the first route on, so the most frequent ones come first.
_MATCHED = (health, profile, auth, sessions, password, email, totp, keys)
_SHOWN = (auth, profile, password, email, sessions, totp, keys, health)


def create_app(services: Services) -> FastAPI:
    """Return the application.

    Args:
        services: what the routes work with.
    """
    app = FastAPI(
        title="User services",
        description="Accounts and sessions; every error is an RFC 9457 problem.",
        version=_VERSION,
        openapi_tags=[{"name": tag} for module in _SHOWN for tag in module.router.tags],
        docs_url=None,
        redoc_url=None,
        routes=[
            *(route for module in _MATCHED for route in module.router.routes),
            *pages.routes(),
        ],
    )
    app.state.services = services
    problems.install(app)
    openapi.describe_problems(app, services.sign_up)
    app.add_middleware(
        RateLimitMiddleware, rate_limit=services.rate_limit, prefix=openapi.API_PREFIX
    )
    app.add_middleware(RequestContextMiddleware)  # added last, so it is the outermost
    return app
