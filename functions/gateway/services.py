"""What the routes work with, and how they get at it."""

from __future__ import annotations

from typing import Annotated, Literal, cast

import msgspec

from gateway.attempts import Attempts
from gateway.cache import ProfileCache
from gateway.credentials import Credentials
from gateway.denied import DeniedSessions
from gateway.notifications import Notifications
from gateway.one_time import RefreshTokens
from gateway.readiness import ReadinessProbe
from gateway.second_factor import SecondFactor
from gateway.sessions import Sessions
from gateway.throttle import Throttle
from gateway.tokens import AccessTokens, Claims, NotAuthenticated
from gateway.users import Users
from gateway.web import Depends, HTTPAuthorizationCredentials, HTTPBearer, Request, Security


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
