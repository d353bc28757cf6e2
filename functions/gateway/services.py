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


async def _services(request: Request) -> Services:  # async: a plain function is run on a thread
    return cast(Services, request.app.state.services)


Provided = Annotated[Services, Depends(_services)]


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
