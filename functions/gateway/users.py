"""The user service, as the gateway sees it: questions that go out over Kafka."""

from __future__ import annotations

import uuid

from msgspec import UNSET, UnsetType

from gateway.origin import origin
from shared import topics
from shared.asker import Asker
from shared.envelope import Envelope
from shared.errors import Refusal, Unavailable
from shared.messages import (
    FindUser,
    Message,
    NewSession,
    RegisterUser,
    Sealed,
    UpdateUser,
    User,
    ValidateUser,
    decode,
    encode,
)
from shared.sealing import Sealer

# No id looks like this, so the answer is always "no such user", and it comes from the database.
_NOBODY = "nobody"


class Users:
    """Asks the user service.

    Every method raises :class:`~shared.errors.Refusal` with the service's refusal,
    :class:`~shared.errors.ReplyTimeout`, :class:`~shared.errors.Unavailable`, or
    :class:`~shared.errors.Overloaded`.

    Args:
        sealer: seals to the user service.
    """

    def __init__(self, asker: Asker, sealer: Sealer) -> None:
        self._asker = asker
        self._sealer = sealer

    async def register(
        self, email: str, password: str, name: str | None, session: NewSession
    ) -> User:
        """Make an account, signed in with a session."""
        envelope = _envelope()
        sealed = self._sealed(password, topics.USER_REGISTER, envelope)
        command = RegisterUser(email=email, password=sealed, name=name, session=session)
        return await self._ask(topics.USER_REGISTER, email.lower(), command, envelope)

    async def validate(self, email: str, password: str, session: NewSession) -> User:
        """Check a password and open a session."""
        envelope = _envelope()
        sealed = self._sealed(password, topics.USER_VALIDATE, envelope)
        command = ValidateUser(email=email, password=sealed, session=session)
        return await self._ask(topics.USER_VALIDATE, email.lower(), command, envelope)

    async def find(self, user_id: str) -> User:
        """The user with an id."""
        return await self._ask(topics.USER_FIND, user_id, FindUser(id=user_id), _envelope())

    async def update(
        self, user_id: str, *, name: str | UnsetType | None = UNSET, email: str | UnsetType = UNSET
    ) -> User:
        """Change name or e-mail."""
        command = UpdateUser(id=user_id, name=name, email=email)
        return await self._ask(topics.USER_UPDATE, user_id, command, _envelope())

    async def ping(self, timeout_s: float) -> None:
        """Return when the service has answered, with its database."""
        question = FindUser(id=_NOBODY)
        try:
            await self._ask(topics.USER_FIND, _NOBODY, question, _envelope(), timeout_s)
        except Refusal as answer:
            if answer.status >= 500:
                raise Unavailable(answer.message) from None

    async def _ask(
        self,
        topic: str,
        key: str,
        message: Message,
        envelope: Envelope,
        timeout_s: float | None = None,
    ) -> User:
        reply = await self._asker.ask(topic, key, encode(message), envelope, timeout_s)
        return decode(User, reply)

    def _sealed(self, password: str, topic: str, envelope: Envelope) -> Sealed:
        return self._sealer.seal(
            password,
            topic=topic,
            field="password",
            correlation_id=envelope.correlation_id or "",
        )


def _envelope() -> Envelope:
    return origin.get().envelope(correlation_id=uuid.uuid4().hex)
