"""From a record to the handler of its command, and back with a reply."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any, Generic, NamedTuple, TypeVar

from shared.bus.replier import Replier
from shared.config.logs import bind
from shared.contract.account_commands import action_of
from shared.contract.envelope import Envelope
from shared.contract.errors import BadMessage, Refusal
from shared.contract.messages import Message, Secret, User, decode, encode
from shared.contract.topics import USER_FIND
from shared.runtime.records import Record
from shared.security.sealing import Opener
from user.accounts.model import CommandId
from user.dispatch.durations import Durations

log = logging.getLogger(__name__)

_M = TypeVar("_M", bound=Message)


class ReceivedCommand:
    """One record, while its command is carried out.

    Attributes:
        command_id: the same at every delivery.
    """

    def __init__(self, record: Record, envelope: Envelope, opener: Opener) -> None:
        self._record = record
        self._opener = opener
        self._correlation_id = envelope.correlation_id
        key = envelope.idempotency_key or envelope.correlation_id or record.position
        self.command_id = CommandId(record.topic, key, envelope)

    def read(self, kind: type[_M]) -> _M:
        """Decode the message. Raises :class:`BadMessage`."""
        return decode(kind, self._record.value)

    def open(self, secret: Secret, field: str) -> str:
        """Open a sealed member of the message. Raises :class:`BadMessage`."""
        return self._opener.open(
            secret,
            topic=self._record.topic,
            field=field,
            correlation_id=self._correlation_id,
        )

    def open_if_given(self, secret: Secret | None, field: str) -> str | None:
        """Open a member that may be absent. Raises :class:`BadMessage`."""
        return None if secret is None else self.open(secret, field)


class Handler(NamedTuple, Generic[_M]):
    """What carries out the commands of one message type.

    Attributes:
        topic: the topic of these commands.
        message: the type of their messages. Its tag is the ``action``; a type without a tag is
            the topic's plain message.
        carry_out: returns the reply to one command.
    """

    topic: str
    message: type[_M]
    carry_out: Callable[[_M, ReceivedCommand], Message]


class Dispatcher:
    """Carries out one record at a time; called side by side for different keys.

    Args:
        handlers: one for each message type.
        publish_again: publishes the events of a command that was carried out before.
    """

    def __init__(
        self,
        handlers: Iterable[Handler[Any]],
        opener: Opener,
        replier: Replier,
        publish_again: Callable[[CommandId], None],
    ) -> None:
        self._handlers = {
            (each.topic, each.message.__struct_config__.tag): each for each in handlers
        }
        self._opener = opener
        self._replier = replier
        self._publish_again = publish_again
        self._durations = Durations()

    def dispatch(self, record: Record) -> None:
        """Carry out a record's command and reply to it.

        A refusal is a reply, and the record is done. A record that expects no reply and cannot be
        read fails instead, so that it reaches the on-failure destination.

        Raises:
            Exception: a dependency is broken; the record has to be delivered again.
        """
        envelope = Envelope.from_headers(record.headers)
        with bind(
            request_id=envelope.request_id,
            correlation_id=envelope.correlation_id,
            traceparent=envelope.traceparent,
            topic=record.topic,
        ):
            left_s = envelope.seconds_left
            received = ReceivedCommand(record, envelope, self._opener)
            if left_s is not None and left_s <= self._durations.of(record.topic):
                # The requester has given up, or will have before the command is done.
                log.warning("command is past its deadline, not run", extra={"left_s": left_s})
                if record.topic != USER_FIND:
                    # It may have been carried out in time by a process that died before it
                    # published the events.
                    self._publish_again(received.command_id)
                return
            log.debug("command begins")
            with self._durations.measured(record.topic):
                self._answer(record, envelope, received)

    def _answer(self, record: Record, envelope: Envelope, received: ReceivedCommand) -> None:
        action = action_of(record.value)
        handler = self._handlers.get((record.topic, action))
        said = {"action": action} if action and handler else {}
        try:
            if handler is None:
                raise BadMessage("The topic has no such action.")
            reply = handler.carry_out(received.read(handler.message), received)
        except Refusal as refusal:
            if isinstance(refusal, BadMessage) and not envelope.expects_reply:
                raise
            log.info("command refused", extra={"code": refusal.code, **said})
            self._replier.refuse(envelope, refusal)
        else:
            whose = {"user_id": reply.id} if isinstance(reply, User) else {}
            log.info("command done", extra={**whose, **said})
            self._replier.reply(envelope, encode(reply))
