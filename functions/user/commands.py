"""From a record to the rule that answers it, and back: pattern → method."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from shared import topics
from shared.answers import Answers
from shared.envelope import Envelope
from shared.errors import BadMessage, Refusal
from shared.messages import (
    FindUser,
    RegisterUser,
    Secret,
    UpdateUser,
    User,
    ValidateUser,
    decode,
    encode,
)
from shared.records import Record
from shared.sealing import Opener
from shared.telemetry import bind
from user.model import MessageName
from user.service import Accounts

log = logging.getLogger(__name__)

_SHORTEST_PASSWORD = 8
_LONGEST_PASSWORD = 128


class Commands:
    """Carries out one record at a time; called side by side for different keys."""

    def __init__(self, accounts: Accounts, opener: Opener, answers: Answers) -> None:
        self._accounts = accounts
        self._opener = opener
        self._answers = answers
        self._run: Mapping[str, Callable[[Record, Envelope], User]] = {
            topics.USER_REGISTER: self._register,
            topics.USER_VALIDATE: self._validate,
            topics.USER_FIND: self._find,
            topics.USER_UPDATE: self._update,
        }

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
            if envelope.expired:
                # The asker has been told that it failed, so it must not happen now.
                log.warning("command is past its deadline, not run")
                return
            log.debug("command begins")
            self._answer(record, envelope)

    def _answer(self, record: Record, envelope: Envelope) -> None:
        try:
            user = self._run[record.topic](record, envelope)
        except Refusal as refusal:
            if isinstance(refusal, BadMessage) and not envelope.expects_reply:
                raise
            log.info("command refused", extra={"code": refusal.code})
            self._answers.refuse(envelope, refusal)
        else:
            log.info("command done", extra={"user_id": user.id})
            self._answers.reply(envelope, encode(user))

    def _register(self, record: Record, envelope: Envelope) -> User:
        command = decode(RegisterUser, record.value)
        password = self._opened(command.password, record, envelope)
        if not _SHORTEST_PASSWORD <= len(password) <= _LONGEST_PASSWORD:
            raise BadMessage("A password has 8 to 128 characters.")
        return self._accounts.register(command, password, _name(record, envelope))

    def _validate(self, record: Record, envelope: Envelope) -> User:
        command = decode(ValidateUser, record.value)
        password = self._opened(command.password, record, envelope)
        return self._accounts.validate(command, password, _name(record, envelope))

    def _find(self, record: Record, _: Envelope) -> User:
        return self._accounts.find(decode(FindUser, record.value))

    def _update(self, record: Record, envelope: Envelope) -> User:
        return self._accounts.update(decode(UpdateUser, record.value), _name(record, envelope))

    def _opened(self, secret: Secret, record: Record, envelope: Envelope) -> str:
        return self._opener.open(
            secret,
            topic=record.topic,
            field="password",
            correlation_id=envelope.correlation_id,
        )


def _name(record: Record, envelope: Envelope) -> MessageName:
    id = envelope.idempotency_key or envelope.correlation_id or record.position  # noqa: A001
    return MessageName(record.topic, id)
