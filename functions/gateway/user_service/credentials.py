"""The user service, as the gateway sees it: passwords and e-mail addresses."""

from __future__ import annotations

from gateway.context import origin
from gateway.security.access_tokens import Claims
from gateway.security.one_time_tokens import OneTimeToken
from gateway.user_service.accounts import VERIFY_S
from gateway.user_service.client import Questions
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

RESET_S = 30 * 60


class Credentials:
    """Asks the user service; see :class:`~gateway.user_service.client.Question` for errors."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions

    async def change_password(self, who: Claims, current: str, new: str) -> SessionsRevoked:
        """Another password; other sessions end."""
        question = self._questions.on(USER_UPDATE)
        command = ChangePassword(
            id=who.user_id,
            session=who.session_id,
            client=origin.get().client,
            current=question.seal(current, "current"),
            new=question.seal(new, "new"),
        )
        return await question.ask(who.user_id, command, SessionsRevoked)

    async def forgot_password(self, email: str) -> None:
        """Let a token be mailed, if the address is somebody's; nobody waits to learn that."""
        question = self._questions.on(USER_UPDATE)
        token = question.mailed(OneTimeToken.new(), NOTIFICATION_PASSWORD_RESET, RESET_S)
        command = ForgotPassword(email=email, token=token, client=origin.get().client)
        await question.tell(email.lower(), command)

    async def reset_password(self, token: OneTimeToken, password: str) -> SessionsRevoked:
        """A new password for whoever was mailed the token; all sessions end."""
        question = self._questions.on(USER_UPDATE)
        command = ResetPassword(
            token=token.hash,
            password=question.seal(password, "password"),
            client=origin.get().client,
        )
        return await question.ask(token.hash, command, SessionsRevoked)

    async def send_verification(self, email: str) -> None:
        """Let a token be mailed, if the address waits for one; nobody waits to learn that."""
        question = self._questions.on(USER_UPDATE)
        token = question.mailed(OneTimeToken.new(), NOTIFICATION_EMAIL, VERIFY_S)
        command = SendVerification(email=email, token=token, client=origin.get().client)
        await question.tell(email.lower(), command)

    async def verify_email(self, token: OneTimeToken) -> User:
        """The token came back: the address is theirs."""
        command = VerifyEmail(token=token.hash, client=origin.get().client)
        return await self._questions.on(USER_UPDATE).ask(token.hash, command, User)

    async def change_email(
        self, who: Claims, email: str, password: str | None, *, quiet: bool
    ) -> User:
        """Let a token be mailed to the new address; until it is back, the old one stays."""
        question = self._questions.on(USER_UPDATE)
        command = ChangeEmail(
            id=who.user_id,
            session=who.session_id,
            client=origin.get().client,
            email=email,
            token=question.mailed(OneTimeToken.new(), NOTIFICATION_EMAIL, VERIFY_S),
            password=None if password is None else question.seal(password, "password"),
            quiet=quiet,
        )
        return await question.ask(who.user_id, command, User)
