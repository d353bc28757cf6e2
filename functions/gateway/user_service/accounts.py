"""The user service, as the gateway sees it: accounts."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from gateway.context import origin
from gateway.security.access_tokens import Claims
from gateway.security.one_time_tokens import OneTimeToken
from gateway.user_service.client import Questions, given_out
from shared.contract import topics
from shared.contract.account_commands import DeleteUser, Export, ExportUser, SessionsRevoked
from shared.contract.errors import Refusal, Unavailable
from shared.contract.messages import (
    FindUser,
    NewSession,
    NewToken,
    RegisterUser,
    UpdateUser,
    User,
    ValidateUser,
)

# No id looks like this, so the answer is always "no such user", and it comes from the database.
_NOBODY = "nobody"

VERIFY_S = 24 * 3600
CHALLENGE_S = 300


class Users:
    """Asks the user service about accounts.

    See :class:`~gateway.user_service.client.Question` for errors.
    """

    def __init__(self, questions: Questions) -> None:
        self._questions = questions

    async def register(
        self,
        email: str,
        password: str,
        name: str | None,
        session: NewSession | None,
        verification: OneTimeToken,
    ) -> User:
        """Make an account, signed in with a session; ``verification`` confirms the address."""
        question = self._questions.on(topics.USER_REGISTER)
        command = RegisterUser(
            email=email,
            password=question.seal(password, "password"),
            name=name,
            session=session,
            verification=given_out(verification, VERIFY_S),
            client=origin.get().client,
        )
        return await question.ask(email.lower(), command, User)

    async def register_quietly(self, email: str, password: str, name: str | None) -> None:
        """Make an account, or tell its owner that there is one: by mail, and nobody waits."""
        question = self._questions.on(topics.USER_REGISTER)
        token = question.mailed(OneTimeToken.new(), topics.NOTIFICATION_WELCOME, VERIFY_S)
        command = RegisterUser(
            email=email,
            password=question.seal(password, "password"),
            name=name,
            verification=NewToken(hash=token.hash, expires_at=token.expires_at),
            welcome=token.sealed,
            client=origin.get().client,
        )
        await question.tell(email.lower(), command)

    async def validate(
        self, email: str, password: str, session: NewSession, challenge: OneTimeToken
    ) -> User:
        """Check a password and open a session, or give out a challenge.

        The refusal ``second-factor-needed`` says that it is the challenge.
        """
        question = self._questions.on(topics.USER_VALIDATE)
        command = ValidateUser(
            email=email,
            password=question.seal(password, "password"),
            session=session,
            challenge=given_out(challenge, CHALLENGE_S),
            client=origin.get().client,
        )
        return await question.ask(email.lower(), command, User)

    async def find(self, who: Claims) -> User:
        """The user who is signed in."""
        query = FindUser(id=who.user_id, session=who.session_id)
        return await self._questions.on(topics.USER_FIND).ask(who.user_id, query, User)

    async def update(self, who: Claims, *, name: str | UnsetType | None = UNSET) -> User:
        """Change the name."""
        command = UpdateUser(id=who.user_id, name=name, session=who.session_id)
        return await self._questions.on(topics.USER_UPDATE).ask(who.user_id, command, User)

    async def delete(self, who: Claims, password: str) -> SessionsRevoked:
        """Delete the account."""
        question = self._questions.on(topics.USER_DELETE)
        command = DeleteUser(
            id=who.user_id,
            session=who.session_id,
            client=origin.get().client,
            password=question.seal(password, "password"),
        )
        return await question.ask(who.user_id, command, SessionsRevoked)

    async def export(self, who: Claims) -> Export:
        """All that is kept about a person."""
        query = ExportUser(id=who.user_id, session=who.session_id, client=origin.get().client)
        return await self._questions.on(topics.USER_FIND).ask(who.user_id, query, Export)

    async def ping(self, timeout_s: float) -> None:
        """Return when the service has answered, with its database."""
        question = self._questions.on(topics.USER_FIND)
        try:
            await question.ask(_NOBODY, FindUser(id=_NOBODY), User, timeout_s)
        except Refusal as answer:
            if answer.status >= 500:
                raise Unavailable(answer.message) from None
