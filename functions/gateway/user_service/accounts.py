"""The user service's commands and queries about accounts."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.security.access_tokens import Claims
from gateway.security.one_time_tokens import CHALLENGE_S, VERIFY_S, OneTimeToken
from gateway.user_service.client import UserServiceClient
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
from shared.contract.topics import (
    NOTIFICATION_WELCOME,
    USER_DELETE,
    USER_FIND,
    USER_REGISTER,
    USER_UPDATE,
    USER_VALIDATE,
)

# No user has this id, so the reply is always "no such user", and it comes from the database.
_NO_USER = "nobody"


class AccountCommands:
    """Registers, checks, reads, changes and deletes accounts.

    See :class:`~gateway.user_service.command.OutboundCommand` for errors.
    """

    def __init__(self, client: UserServiceClient) -> None:
        self._client = client

    async def register(
        self,
        email: str,
        password: str,
        profile: Mapping[str, object],
        session: NewSession | None,
        verification: OneTimeToken,
    ) -> User:
        """Make an account and return its user.

        Args:
            profile: further members of the user, by their names.
            session: opened at once, if there is one.
            verification: confirms the address.
        """
        command = self._client.command(USER_REGISTER)
        message = command.message(
            RegisterUser,
            email=email,
            **profile,
            session=session,
            verification=verification.as_new_token(VERIFY_S),
            **command.seal(password=password),
        )
        return await command.request(email.lower(), message, User)

    async def register_quietly(
        self, email: str, password: str, profile: Mapping[str, object]
    ) -> None:
        """Make an account, or mail its owner that there is one already. There is no reply."""
        command = self._client.command(USER_REGISTER)
        token = command.seal_for_mail(OneTimeToken.new(), NOTIFICATION_WELCOME, VERIFY_S)
        message = command.message(
            RegisterUser,
            email=email,
            **profile,
            verification=NewToken(hash=token.hash, expires_at=token.expires_at),
            welcome=token.sealed,
            **command.seal(password=password),
        )
        await command.publish(email.lower(), message)

    async def validate(
        self, email: str, password: str, session: NewSession, challenge: OneTimeToken
    ) -> User:
        """Check a password and open a session.

        Raises:
            Refusal: ``second-factor-needed``: the challenge has to be answered with a code.
        """
        command = self._client.command(USER_VALIDATE)
        message = command.message(
            ValidateUser,
            email=email,
            session=session,
            challenge=challenge.as_new_token(CHALLENGE_S),
            **command.seal(password=password),
        )
        return await command.request(email.lower(), message, User)

    async def find(self, claims: Claims) -> User:
        """Return the signed-in user."""
        command = self._client.command(USER_FIND)
        return await command.request(claims.user_id, command.own(FindUser, claims), User)

    async def update(self, claims: Claims, profile: Mapping[str, object]) -> User:
        """Change these members of the user's profile and no other."""
        command = self._client.command(USER_UPDATE)
        message = command.own(UpdateUser, claims, **profile)
        return await command.request(claims.user_id, message, User)

    async def delete(self, claims: Claims, password: str) -> SessionsRevoked:
        """Delete the account."""
        command = self._client.command(USER_DELETE)
        message = command.own(DeleteUser, claims, **command.seal(password=password))
        return await command.request(claims.user_id, message, SessionsRevoked)

    async def export(self, claims: Claims) -> Export:
        """Return all that is stored about the user."""
        command = self._client.command(USER_FIND)
        return await command.request(claims.user_id, command.own(ExportUser, claims), Export)

    async def ping(self, timeout_s: float) -> None:
        """Wait for the service to answer from its database.

        Raises:
            Unavailable: the service replies that it is.
        """
        command = self._client.command(USER_FIND)
        try:
            await command.request(_NO_USER, FindUser(id=_NO_USER), User, timeout_s)
        except Refusal as refusal:
            if refusal.status >= 500:
                raise Unavailable(refusal.message) from None
