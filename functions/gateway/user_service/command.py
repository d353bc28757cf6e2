"""One command to the user function: its envelope, its sender, and what is sealed in it."""

from __future__ import annotations

import uuid
from typing import Any, TypeVar

from gateway.context import request_context
from gateway.security.access_tokens import Claims
from gateway.security.one_time_tokens import OneTimeToken
from shared.bus.requester import Requester
from shared.contract.messages import MailedToken, Message, Sealed, decode, encode
from shared.security.sealing import Sealer

_M = TypeVar("_M", bound=Message)
_R = TypeVar("_R", bound=Message)


class OutboundCommand:
    """A command or a query on its way to the user function.

    :meth:`request` and :meth:`publish` raise :class:`~shared.contract.errors.Unavailable` when
    Kafka does not take it. :meth:`request` also raises the service's
    :class:`~shared.contract.errors.Refusal`, :class:`~shared.contract.errors.ReplyTimeout`, or
    :class:`~shared.contract.errors.Overloaded`.
    """

    def __init__(
        self, topic: str, requester: Requester, to_user: Sealer, to_notification: Sealer
    ) -> None:
        self._topic = topic
        self._requester = requester
        self._to_user = to_user
        self._to_notification = to_notification
        self._context = request_context.get()
        self._correlation_id = uuid.uuid4().hex
        self._envelope = self._context.envelope(correlation_id=self._correlation_id)

    def message(self, kind: type[_M], **members: Any) -> _M:
        """Return a message of this kind, with the device of the HTTP request if it has room."""
        if "client" in kind.__struct_fields__:
            members["client"] = self._context.client
        return kind(**members)

    def own(self, kind: type[_M], claims: Claims, **members: Any) -> _M:
        """Return a message of this kind from a signed-in user about their own account."""
        return self.message(kind, id=claims.user_id, session=claims.session_id, **members)

    def seal(self, **secrets: str | None) -> dict[str, Sealed]:
        """Return these members so that only the user function can open them.

        Each opens under its own name only. A member that is None is left out.
        """
        return {
            field: self._to_user.seal(
                secret, topic=self._topic, field=field, correlation_id=self._correlation_id
            )
            for field, secret in secrets.items()
            if secret is not None
        }

    def seal_for_mail(self, token: OneTimeToken, topic: str, seconds: int) -> MailedToken:
        """Return a token that the user function passes on and cannot open.

        Args:
            topic: of the event that carries it to the notification function.
            seconds: its lifetime.
        """
        sealed = self._to_notification.seal(
            token.value, topic=topic, field="token", correlation_id=self._correlation_id
        )
        kept = token.as_new_token(seconds)
        return MailedToken(hash=kept.hash, expires_at=kept.expires_at, sealed=sealed)

    async def request(
        self, key: str, message: Message, reply: type[_R], timeout_s: float | None = None
    ) -> _R:
        """Send a message and return its reply.

        Args:
            key: records of one key are worked on in order.
            reply: the reply's type.
            timeout_s: when not as long as usual.
        """
        value = await self._requester.request(
            self._topic, key, encode(message), self._envelope, timeout_s
        )
        return decode(reply, value)

    async def publish(self, key: str, message: Message) -> None:
        """Send a message without a reply; return when it is safe in Kafka."""
        await self._requester.publish(self._topic, key, encode(message), self._envelope)
