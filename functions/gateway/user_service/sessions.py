"""The user service's commands and queries about sessions."""

from __future__ import annotations

from gateway.security.access_tokens import Claims
from gateway.security.one_time_tokens import OneTimeToken
from gateway.user_service.client import UserServiceClient
from shared.contract.account_commands import (
    AnswerChallenge,
    EndSessions,
    ListSessions,
    Refresh,
    SessionList,
    SessionResult,
    SessionsRevoked,
)
from shared.contract.messages import NewSession
from shared.contract.topics import USER_SESSION


class SessionCommands:
    """Refreshes, opens, lists and ends sessions.

    See :class:`~gateway.user_service.command.OutboundCommand` for errors.
    """

    def __init__(self, client: UserServiceClient) -> None:
        self._client = client

    async def refresh(self, spent: OneTimeToken, successor: NewSession) -> SessionResult:
        """Spend a refresh token for its successor."""
        command = self._client.command(USER_SESSION)
        message = command.message(Refresh, refresh_token_hash=spent.hash, successor=successor)
        return await command.request(spent.hash, message, SessionResult)

    async def answer(
        self, challenge: OneTimeToken, code: str, session: NewSession
    ) -> SessionResult:
        """Open a session with a code: the second step of a login."""
        command = self._client.command(USER_SESSION)
        message = command.message(
            AnswerChallenge, challenge=challenge.hash, new=session, **command.seal(code=code)
        )
        return await command.request(challenge.hash, message, SessionResult)

    async def list(self, claims: Claims) -> SessionList:
        """Return the user's sessions."""
        command = self._client.command(USER_SESSION)
        return await command.request(claims.user_id, command.own(ListSessions, claims), SessionList)

    async def end(
        self, claims: Claims, session_id: str | None, refresh: OneTimeToken | None = None
    ) -> SessionsRevoked:
        """End one session of the user, or all.

        Args:
            session_id: None for all.
            refresh: end the session of this refresh token, instead of ``session_id``.
        """
        command = self._client.command(USER_SESSION)
        message = command.own(
            EndSessions,
            claims,
            which=session_id,
            refresh_token_hash=refresh.hash if refresh else None,
        )
        return await command.request(claims.user_id, message, SessionsRevoked)
