"""``/api/v1/auth/sessions``: the signed-in devices."""

from __future__ import annotations

from typing import Annotated

from gateway.http import responses
from gateway.http.fastapi import Path
from gateway.http.openapi import API_PREFIX, api_router, leads_to, problems
from gateway.routes.dependencies import CurrentClaims, ServicesDep
from gateway.security.access_tokens import Claims
from shared.contract.account_commands import SessionView

router = api_router("sessions", f"{API_PREFIX}/auth/sessions")

SessionId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{2,40}$")]


@router.get(
    "",
    responses={
        **problems(401),
        **leads_to(200, End=("end_session", {"session_id": "sessions/0/id"})),
    },
)
async def list_sessions(claims: CurrentClaims, services: ServicesDep) -> responses.SessionList:
    """List the devices on which you are signed in."""
    found = await services.sessions.list(claims)
    return responses.SessionList(sessions=[_view(each, claims) for each in found.sessions])


@router.delete("/{session_id}", status_code=204, responses=problems(401, 404, 422))
async def end_session(session_id: SessionId, claims: CurrentClaims, services: ServicesDep) -> None:
    """Sign a device out; its access tokens stop working at once."""
    ended = await services.sessions.end(claims, session_id)
    await services.revoked_sessions.add(*ended.ended)


def _view(session: SessionView, claims: Claims) -> responses.SessionView:
    return responses.SessionView(
        id=session.id,
        current=session.id == claims.session_id,
        signed_in_at=session.signed_in_at,
        last_used_at=session.used_at,
        expires_at=session.expires_at,
        user_agent=session.user_agent,
        ip=session.ip,
    )
