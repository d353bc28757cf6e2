"""``/api/v1/auth``: register and login."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Request

from gateway import schemas
from gateway.routes.responses import with_body
from gateway.services import Provided, Services
from gateway.tokens import RefreshToken
from shared.messages import NewSession, User

router = APIRouter(tags=["auth"])

_LONGEST_USER_AGENT = 400


@router.post("/register", status_code=201, responses=with_body(409))
async def register(
    body: schemas.Register, request: Request, services: Provided
) -> schemas.SignedIn:
    """Make an account, sign it in, and send a welcome mail."""
    session, refresh = _new_session(request, services)
    user = await services.users.register(body.email, body.password, body.name, session)
    await services.notifications.welcome(user)
    return _signed_in(services, user, session, refresh)


@router.post("/login", responses=with_body(401))
async def login(body: schemas.Login, request: Request, services: Provided) -> schemas.SignedIn:
    """Sign in with e-mail and password."""
    session, refresh = _new_session(request, services)
    user = await services.users.validate(body.email, body.password, session)
    return _signed_in(services, user, session, refresh)


def _new_session(request: Request, services: Services) -> tuple[NewSession, RefreshToken]:
    """A session to open, and the refresh token that stays here: only its hash travels."""
    refresh = RefreshToken.new()
    agent = request.headers.get("user-agent")
    session = NewSession(
        id=uuid.uuid4().hex,
        refresh_token_hash=refresh.hash,
        expires_at=datetime.now(UTC) + timedelta(seconds=services.refresh_token_seconds),
        user_agent=agent[:_LONGEST_USER_AGENT] if agent else None,
        ip=request.client.host if request.client else None,
    )
    return session, refresh


def _signed_in(
    services: Services, user: User, session: NewSession, refresh: RefreshToken
) -> schemas.SignedIn:
    return schemas.SignedIn(
        access_token=services.tokens.issue(user.id, session.id),
        refresh_token=refresh.value,
        expires_in=services.tokens.seconds,
        user=schemas.Profile.model_validate(user, from_attributes=True),
    )
