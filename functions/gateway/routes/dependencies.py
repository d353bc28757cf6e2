"""What the routes work with, and how they get at it."""

from __future__ import annotations

from typing import Annotated, Literal, cast

import msgspec

from gateway.cache.profile_cache import ProfileCache
from gateway.errors import NotAuthenticated
from gateway.http.fastapi import (
    Depends,
    HTTPAuthorizationCredentials,
    HTTPBearer,
    Request,
    Security,
)
from gateway.middleware.rate_limit import Throttle
from gateway.notifications import Notifications
from gateway.readiness import ReadinessProbe
from gateway.security.abuse_limits import Attempts
from gateway.security.access_tokens import AccessTokens, Claims
from gateway.security.one_time_tokens import RefreshTokens
from gateway.security.revoked_sessions import DeniedSessions
from gateway.user_service.accounts import Users
from gateway.user_service.credentials import Credentials
from gateway.user_service.second_factor import SecondFactor
from gateway.user_service.sessions import Sessions


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a route may need; built once by the wiring."""

    users: Users
    sessions: Sessions
    credentials: Credentials
    second_factor: SecondFactor
    notifications: Notifications
    tokens: AccessTokens
    refresh_tokens: RefreshTokens
    denied: DeniedSessions
    attempts: Attempts
    cache: ProfileCache
    throttle: Throttle
    readiness: ReadinessProbe
    refresh_token_seconds: int
    sign_up: Literal["open", "verified", "private"]


async def _services(request: Request) -> Services:  # async: a plain function is run on a thread
    return cast(Services, request.app.state.services)


Provided = Annotated[Services, Depends(_services)]


_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="The access token")
_Bearer = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]


async def signed_in(services: Provided, bearer: _Bearer) -> Claims:
    """Whom the bearer token speaks for.

    Raises:
        NotAuthenticated: no token, or not a valid one, or its session has ended.
    """
    if bearer is None:
        raise NotAuthenticated("An access token is needed.")
    claims = services.tokens.verify(bearer.credentials)
    if await services.denied.has(claims.session_id):
        raise NotAuthenticated("The session has ended. Sign in again.")
    return claims


async def signed_in_or_nobody(services: Provided, bearer: _Bearer) -> Claims | None:
    """As :func:`signed_in`, where a token may be absent."""
    return None if bearer is None else await signed_in(services, bearer)


SignedInUser = Annotated[Claims, Depends(signed_in)]
SignedInUserOrNobody = Annotated[Claims | None, Depends(signed_in_or_nobody)]
