"""What every way to sign in has in common: a session to open, and the tokens for it."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

from gateway.context import request_context
from gateway.http import responses
from gateway.routes.dependencies import Services
from gateway.security.one_time_tokens import OneTimeToken
from shared.contract.messages import NewSession, User


def new_session(services: Services, refresh: OneTimeToken) -> NewSession:
    """Return a session to open; it has only the hash of its refresh token."""
    client = request_context.get().client
    return NewSession(
        id=uuid.uuid4().hex,
        refresh_token_hash=refresh.hash,
        expires_at=datetime.now(UTC) + timedelta(seconds=services.refresh_token_seconds),
        user_agent=client.user_agent,
        ip=client.ip,
    )


def token_response(
    services: Services, user: User, session_id: str, refresh: OneTimeToken
) -> responses.SignedIn:
    """Return the tokens of a session that has been opened or refreshed."""
    return responses.SignedIn(
        access_token=services.access_tokens.issue(user.id, session_id),
        refresh_token=refresh.value,
        expires_in=services.access_tokens.seconds,
        user=responses.Profile.model_validate(user, from_attributes=True),
    )
