"""What the routes work with, and how they get at it."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from gateway.cache import ProfileCache
from gateway.notifications import Notifications
from gateway.readiness import ReadinessProbe
from gateway.throttle import Throttle
from gateway.tokens import AccessTokens, Claims, NotAuthenticated
from gateway.users import Users
from shared.errors import ServiceError


class TooManyRequests(ServiceError):
    """The client's allowance is used up."""

    code = "too-many-requests"
    status = 429


class Services:
    """Everything that a route may need; built once by the wiring."""

    def __init__(
        self,
        *,
        users: Users,
        notifications: Notifications,
        tokens: AccessTokens,
        cache: ProfileCache,
        throttle: Throttle,
        readiness: ReadinessProbe,
        refresh_token_seconds: int,
    ) -> None:
        self.users = users
        self.notifications = notifications
        self.tokens = tokens
        self.cache = cache
        self.throttle = throttle
        self.readiness = readiness
        self.refresh_token_seconds = refresh_token_seconds


def _services(request: Request) -> Services:
    return cast(Services, request.app.state.services)


Provided = Annotated[Services, Depends(_services)]


async def within_limit(request: Request, services: Provided) -> None:
    """Count the request; its allowance is on the response, whatever that is.

    Raises:
        TooManyRequests: there is none left.
    """
    address = request.client.host if request.client else ""
    allowance = await services.throttle.admit(address)
    request.state.extra_headers = allowance.headers()
    if not allowance.admitted:
        raise TooManyRequests(
            f"{allowance.quota} requests in {allowance.window_s} seconds are allowed."
        )


_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="The access token")


async def signed_in(
    services: Provided,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> Claims:
    """Whom the bearer token speaks for.

    Raises:
        NotAuthenticated: no token, or not a valid one.
    """
    if bearer is None:
        raise NotAuthenticated("An access token is needed.")
    return services.tokens.verify(bearer.credentials)


SignedInUser = Annotated[Claims, Depends(signed_in)]
