"""How the gateway asks the user service: one question, its envelope, and what is sealed in it."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from gateway.context import origin
from gateway.security.one_time_tokens import OneTimeToken
from shared.bus.requester import Requester
from shared.contract.messages import MailedToken, Message, NewToken, Sealed, decode, encode
from shared.security.sealing import Sealer

_M = TypeVar("_M", bound=Message)


class Questions:
    """Begins questions.

    Args:
        to_user: seals to the user function.
        to_notification: seals to the notification function what the user function passes on.
    """

    def __init__(self, requester: Requester, to_user: Sealer, to_notification: Sealer) -> None:
        self._requester = requester
        self._to_user = to_user
        self._to_notification = to_notification

    def on(self, topic: str) -> Question:
        """A question on a topic; what is sealed for it opens nowhere else."""
        return Question(topic, self._requester, self._to_user, self._to_notification)


class Question:
    """One question.

    :meth:`ask` and :meth:`tell` raise :class:`~shared.contract.errors.Unavailable` when Kafka does
    not take it; :meth:`ask` also raises :class:`~shared.contract.errors.Refusal` with the service's
    refusal, :class:`~shared.contract.errors.ReplyTimeout`, or
    :class:`~shared.contract.errors.Overloaded`.
    """

    def __init__(
        self, topic: str, requester: Requester, to_user: Sealer, to_notification: Sealer
    ) -> None:
        self._topic = topic
        self._requester = requester
        self._to_user = to_user
        self._to_notification = to_notification
        self._correlation_id = uuid.uuid4().hex
        self._envelope = origin.get().envelope(correlation_id=self._correlation_id)

    def seal(self, secret: str, field: str) -> Sealed:
        """A member that only the user function can open."""
        return self._to_user.seal(
            secret, topic=self._topic, field=field, correlation_id=self._correlation_id
        )

    def mailed(self, token: OneTimeToken, topic: str, seconds: int) -> MailedToken:
        """A token that the user function passes on, by this topic, and cannot open.

        Args:
            topic: of the event that carries it to the notification function.
            seconds: how long it is good.
        """
        sealed = self._to_notification.seal(
            token.value, topic=topic, field="token", correlation_id=self._correlation_id
        )
        kept = given_out(token, seconds)
        return MailedToken(hash=kept.hash, expires_at=kept.expires_at, sealed=sealed)

    async def ask(
        self, key: str, message: Message, kind: type[_M], timeout_s: float | None = None
    ) -> _M:
        """Send it and await the answer.

        Args:
            key: records of one key are worked on in order.
            kind: of the answer.
        """
        value = encode(message)
        reply = await self._requester.request(self._topic, key, value, self._envelope, timeout_s)
        return decode(kind, reply)

    async def tell(self, key: str, message: Message) -> None:
        """Send it; returns when it is safe in Kafka, and nobody answers."""
        await self._requester.publish(self._topic, key, encode(message), self._envelope)


def given_out(token: OneTimeToken, seconds: int) -> NewToken:
    """What the user function is told of a token: its hash, and how long it is good."""
    return NewToken(hash=token.hash, expires_at=datetime.now(UTC) + timedelta(seconds=seconds))
