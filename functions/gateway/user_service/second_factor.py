"""The user service, as the gateway sees it: the second factor."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.context import origin
from gateway.security.access_tokens import Claims
from gateway.security.one_time_tokens import recovery_hash
from gateway.user_service.client import Questions
from shared.contract.account_commands import ConfirmTotp, EnrolTotp, RemoveTotp, RenewRecoveryCodes
from shared.contract.messages import User
from shared.contract.topics import USER_UPDATE


class SecondFactor:
    """Asks the user service; see :class:`~gateway.user_service.client.Question` for errors."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions

    async def enrol(self, who: Claims, secret: str, password: str | None) -> User:
        """Keep a secret, which counts once it is confirmed."""
        question = self._questions.on(USER_UPDATE)
        command = EnrolTotp(
            id=who.user_id,
            session=who.session_id,
            client=origin.get().client,
            secret=question.seal(secret, "secret"),
            password=None if password is None else question.seal(password, "password"),
        )
        return await question.ask(who.user_id, command, User)

    async def confirm(self, who: Claims, code: str, recovery_codes: Sequence[str]) -> User:
        """The first code: on from now, with these recovery codes."""
        question = self._questions.on(USER_UPDATE)
        command = ConfirmTotp(
            id=who.user_id,
            session=who.session_id,
            client=origin.get().client,
            code=question.seal(code, "code"),
            recovery_hashes=tuple(recovery_hash(each) for each in recovery_codes),
        )
        return await question.ask(who.user_id, command, User)

    async def renew(self, who: Claims, password: str, recovery_codes: Sequence[str]) -> User:
        """These recovery codes in place of those there were."""
        question = self._questions.on(USER_UPDATE)
        command = RenewRecoveryCodes(
            id=who.user_id,
            session=who.session_id,
            client=origin.get().client,
            password=question.seal(password, "password"),
            recovery_hashes=tuple(recovery_hash(each) for each in recovery_codes),
        )
        return await question.ask(who.user_id, command, User)

    async def remove(self, who: Claims, password: str) -> User:
        """Off from now."""
        question = self._questions.on(USER_UPDATE)
        command = RemoveTotp(
            id=who.user_id,
            session=who.session_id,
            client=origin.get().client,
            password=question.seal(password, "password"),
        )
        return await question.ask(who.user_id, command, User)
