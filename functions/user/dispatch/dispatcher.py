"""From a record to the rule that answers it, and back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TypeVar

from shared.bus.replier import Replier
from shared.config.logs import bind
from shared.contract.account_commands import action_of
from shared.contract.envelope import Envelope
from shared.contract.errors import BadMessage, Refusal
from shared.contract.messages import Message, Secret, User, decode, encode
from shared.contract.topics import USER_FIND
from shared.runtime.records import Record
from shared.security.sealing import Opener
from user.accounts.model import MessageName
from user.dispatch.durations import Durations

log = logging.getLogger(__name__)

_M = TypeVar("_M", bound=Message)


class Command:
    """One record, while it is carried out.

    Attributes:
        name: the same at every delivery.
    """

    def __init__(self, record: Record, envelope: Envelope, opener: Opener) -> None:
        self._record = record
        self._opener = opener
        self._correlation_id = envelope.correlation_id
        id = envelope.idempotency_key or envelope.correlation_id or record.position  # noqa: A001
        self.name = MessageName(record.topic, id, envelope)

    def read(self, kind: type[_M]) -> _M:
        """The message. Raises :class:`BadMessage`."""
        return decode(kind, self._record.value)

    def open(self, secret: Secret, field: str) -> str:
        """A sealed member of the message. Raises :class:`BadMessage`."""
        return self._opener.open(
            secret,
            topic=self._record.topic,
            field=field,
            correlation_id=self._correlation_id,
        )

    def open_if_given(self, secret: Secret | None, field: str) -> str | None:
        """As :meth:`open`, for a member that may be absent."""
        return None if secret is None else self.open(secret, field)


Rule = Callable[[Command], Message]
Rules = Mapping[tuple[str, str | None], Rule]
"""By topic and action; None is the topic's plain message."""


class Commands:
    """Carries out one record at a time; called side by side for different keys.

    Args:
        send_again: sends what a command wants sent, if it was carried out before.
    """

    def __init__(
        self,
        rules: Rules,
        opener: Opener,
        replier: Replier,
        send_again: Callable[[MessageName], None],
    ) -> None:
        self._rules = rules
        self._send_again = send_again
        self._opener = opener
        self._replier = replier
        self._durations = Durations()

    def __call__(self, record: Record) -> None:
        """Carry out a record and answer it.

        A refusal is an answer, and the record is done. A record that asks for no answer and
        cannot be read fails instead, so that it reaches the on-failure destination.

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
            if left_s is not None and left_s <= self._durations.of(record.topic):
                # The requester has given up, or will have before it is done.
                log.warning("command is past its deadline, not run", extra={"left_s": left_s})
                self._finish(record, envelope)
                return
            log.debug("command begins")
            with self._durations.measured(record.topic):
                self._answer(record, envelope)

    def _finish(self, record: Record, envelope: Envelope) -> None:
        """It may have happened in time, and its process died before the mails were on their way."""
        if record.topic != USER_FIND:
            self._send_again(Command(record, envelope, self._opener).name)

    def _answer(self, record: Record, envelope: Envelope) -> None:
        action = action_of(record.value)
        rule = self._rules.get((record.topic, action), _unknown)
        said = {"action": action} if action and rule is not _unknown else {}
        try:
            reply = rule(Command(record, envelope, self._opener))
        except Refusal as refusal:
            if isinstance(refusal, BadMessage) and not envelope.expects_reply:
                raise
            log.info("command refused", extra={"code": refusal.code, **said})
            self._replier.refuse(envelope, refusal)
        else:
            whose = {"user_id": reply.id} if isinstance(reply, User) else {}
            log.info("command done", extra={**whose, **said})
            self._replier.reply(envelope, encode(reply))


def _unknown(_: Command) -> Message:
    raise BadMessage("The topic has no such action.")
