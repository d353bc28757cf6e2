"""The user service's commands about passwords and e-mail addresses."""

from __future__ import annotations

from gateway.security.access_tokens import Claims
from gateway.security.one_time_tokens import RESET_S, VERIFY_S, OneTimeToken
from gateway.user_service.client import UserServiceClient
from shared.contract.account_commands import (
    ChangeEmail,
    ChangePassword,
    ForgotPassword,
    ResetPassword,
    SendVerification,
    SessionsRevoked,
    VerifyEmail,
)
from shared.contract.messages import User
from shared.contract.topics import NOTIFICATION_EMAIL, NOTIFICATION_PASSWORD_RESET, USER_UPDATE


class CredentialCommands:
    """Changes passwords and addresses.

    See :class:`~gateway.user_service.command.OutboundCommand` for errors.
    """

    def __init__(self, client: UserServiceClient) -> None:
        self._client = client

    async def change_password(self, claims: Claims, current: str, new: str) -> SessionsRevoked:
        """Set another password and end the user's other sessions."""
        command = self._client.command(USER_UPDATE)
        message = command.own(ChangePassword, claims, **command.seal(current=current, new=new))
        return await command.request(claims.user_id, message, SessionsRevoked)

    async def forgot_password(self, email: str) -> None:
        """Have a token mailed if the address has an account. There is no reply."""
        command = self._client.command(USER_UPDATE)
        token = command.seal_for_mail(OneTimeToken.new(), NOTIFICATION_PASSWORD_RESET, RESET_S)
        message = command.message(ForgotPassword, email=email, token=token)
        await command.publish(email.lower(), message)

    async def reset_password(self, token: OneTimeToken, password: str) -> SessionsRevoked:
        """Spend a mailed token for another password and end the user's sessions."""
        command = self._client.command(USER_UPDATE)
        message = command.message(
            ResetPassword, token=token.hash, **command.seal(password=password)
        )
        return await command.request(token.hash, message, SessionsRevoked)

    async def send_verification(self, email: str) -> None:
        """Have a token mailed if the address waits for one. There is no reply."""
        command = self._client.command(USER_UPDATE)
        token = command.seal_for_mail(OneTimeToken.new(), NOTIFICATION_EMAIL, VERIFY_S)
        message = command.message(SendVerification, email=email, token=token)
        await command.publish(email.lower(), message)

    async def verify_email(self, token: OneTimeToken) -> User:
        """Spend a mailed token: its owner reads mail at the address."""
        command = self._client.command(USER_UPDATE)
        return await command.request(
            token.hash, command.message(VerifyEmail, token=token.hash), User
        )

    async def change_email(
        self, claims: Claims, email: str, password: str | None, *, quiet: bool
    ) -> User:
        """Have a token mailed to the new address; the old one stays until the token is spent.

        Args:
            quiet: do not refuse an address that has an account.
        """
        command = self._client.command(USER_UPDATE)
        message = command.own(
            ChangeEmail,
            claims,
            email=email,
            token=command.seal_for_mail(OneTimeToken.new(), NOTIFICATION_EMAIL, VERIFY_S),
            quiet=quiet,
            **command.seal(password=password),
        )
        return await command.request(claims.user_id, message, User)
