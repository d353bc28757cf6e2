"""The user service, as the gateway sees it: sessions."""

from __future__ import annotations

from gateway.context import origin
from gateway.security.access_tokens import Claims
from gateway.security.one_time_tokens import OneTimeToken
from gateway.user_service.client import Questions
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


class Sessions:
    """Asks the user service about sessions.

    See :class:`~gateway.user_service.client.Question` for errors.
    """

    def __init__(self, questions: Questions) -> None:
        self._questions = questions

    async def refresh(self, spent: OneTimeToken, successor: NewSession) -> SessionResult:
        """Spend a refresh token for its successor."""
        command = Refresh(
            refresh_token_hash=spent.hash, successor=successor, client=origin.get().client
        )
        return await self._questions.on(USER_SESSION).ask(spent.hash, command, SessionResult)

    async def answer(
        self, challenge: OneTimeToken, code: str, session: NewSession
    ) -> SessionResult:
        """The second step of a login."""
        question = self._questions.on(USER_SESSION)
        command = AnswerChallenge(
            challenge=challenge.hash,
            code=question.seal(code, "code"),
            new=session,
            client=origin.get().client,
        )
        return await question.ask(challenge.hash, command, SessionResult)

    async def list(self, who: Claims) -> SessionList:
        """Where a person is signed in."""
        query = ListSessions(id=who.user_id, session=who.session_id)
        return await self._questions.on(USER_SESSION).ask(who.user_id, query, SessionList)

    async def end(
        self, who: Claims, which: str | None, refresh: OneTimeToken | None = None
    ) -> SessionsRevoked:
        """Sign out of one session, or of all when ``which`` is None."""
        command = EndSessions(
            id=who.user_id,
            session=who.session_id,
            client=origin.get().client,
            which=which,
            refresh_token_hash=refresh.hash if refresh else None,
        )
        return await self._questions.on(USER_SESSION).ask(who.user_id, command, SessionsRevoked)
