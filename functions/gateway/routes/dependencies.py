"""FastAPI dependencies: the services, and the claims of the caller's access token."""

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
from gateway.middleware.rate_limit import RateLimit
from gateway.notification_service import NotificationServiceClient
from gateway.readiness import ReadinessProbe
from gateway.security.abuse_limits import AbuseLimits
from gateway.security.access_tokens import AccessTokens, Claims
from gateway.security.one_time_tokens import RefreshTokens
from gateway.security.revoked_sessions import RevokedSessions
from gateway.user_service.accounts import AccountCommands
from gateway.user_service.credentials import CredentialCommands
from gateway.user_service.second_factor import SecondFactorCommands
from gateway.user_service.sessions import SessionCommands


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a route may need; built once by :mod:`gateway.bootstrap`."""

    accounts: AccountCommands
    sessions: SessionCommands
    credentials: CredentialCommands
    second_factor: SecondFactorCommands
    notification_service: NotificationServiceClient
    access_tokens: AccessTokens
    refresh_tokens: RefreshTokens
    revoked_sessions: RevokedSessions
    abuse_limits: AbuseLimits
    profile_cache: ProfileCache
    rate_limit: RateLimit
    readiness: ReadinessProbe
    refresh_token_seconds: int
    sign_up: Literal["open", "verified", "private"]


async def _services(request: Request) -> Services:  # async: a plain function is run on a thread
    return cast(Services, request.app.state.services)


ServicesDep = Annotated[Services, Depends(_services)]


_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="The access token")
_Bearer = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]


async def current_claims(services: ServicesDep, bearer: _Bearer) -> Claims:
    """Return the claims of the bearer token.

    Raises:
        NotAuthenticated: no token, or not a valid one, or its session has ended.
    """
    if bearer is None:
        raise NotAuthenticated("An access token is needed.")
    claims = services.access_tokens.verify(bearer.credentials)
    if await services.revoked_sessions.has(claims.session_id):
        raise NotAuthenticated("The session has ended. Sign in again.")
    return claims


async def optional_claims(services: ServicesDep, bearer: _Bearer) -> Claims | None:
    """Return the claims as :func:`current_claims` does; None without a token."""
    return None if bearer is None else await current_claims(services, bearer)


CurrentClaims = Annotated[Claims, Depends(current_claims)]
OptionalClaims = Annotated[Claims | None, Depends(optional_claims)]
