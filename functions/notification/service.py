"""Turns each message into a mail, and perhaps an SMS; knows no driver."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from hashlib import sha256
from typing import Protocol
from urllib.parse import urlencode

import msgspec

from notification.rendering import Renderer
from notification.transports.addresses import masked, masked_phone
from notification.transports.mail import Content, Mail, MailTransport
from shared.config.logs import bind
from shared.contract.envelope import Envelope
from shared.contract.errors import BadMessage
from shared.contract.messages import Secret, SendEmail, SendPasswordReset, SendWelcome, decode
from shared.contract.topics import (
    NOTIFICATION_EMAIL,
    NOTIFICATION_PASSWORD_RESET,
    NOTIFICATION_WELCOME,
)
from shared.runtime.records import Record

log = logging.getLogger(__name__)

# A stranger may register any address under any name. A name that reads as a link would make the
# welcome mail carry an advertisement, so such a name is not repeated.
_READS_AS_LINK = re.compile(r"[/@]|www\.|\w\.\w\w", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class SmsTransport(Protocol):
    """Sends short texts to telephones."""

    def send(self, number: str, text: str) -> str:
        """Send one text.

        Args:
            number: E.164.
            text: one longer than an SMS can be is cut, with an ellipsis.

        Returns:
            The provider's id of the text.

        Raises:
            BadMessage: the text will never be accepted.
            Unavailable: it was not accepted now.
        """
        ...


class Idempotency(Protocol):
    """Runs an effect unless it has been run; :mod:`notification.idempotency`."""

    def run_once(
        self, name: str, effect: Callable[[], None], seconds_left: Callable[[], float]
    ) -> bool:
        """Return whether the effect was run now.

        Raises:
            Unavailable: that cannot be known.
        """
        ...


class SecretOpener(Protocol):
    """Opens a sealed member of a message; :class:`shared.security.sealing.Opener`."""

    def open(self, secret: Secret, *, topic: str, field: str, correlation_id: str | None) -> str:
        """Return the secret.

        Raises:
            BadMessage: it cannot be opened.
        """
        ...


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A mail, and perhaps an SMS, that one record asks for.

    Attributes:
        kind: the name of its templates.
        to, name: address and name of the receiver.
        content: the mail.
        number, text: the SMS, if there is a number.
    """

    kind: str
    to: str
    name: str | None = None
    content: Content
    number: str | None = None
    text: str = ""


class NotificationService:
    """Sends the mail and the SMS that a record asks for.

    Args:
        renderer: fills the templates.
        mail: sends mails.
        sms: sends SMS; None sends none.
        idempotency: prevents duplicates.
        opener: for tokens that are sealed to this function.
        link_base: the beginning of every link, without a slash at its end.
    """

    def __init__(
        self,
        *,
        renderer: Renderer,
        mail: MailTransport,
        sms: SmsTransport | None,
        idempotency: Idempotency,
        opener: SecretOpener,
        link_base: str,
    ) -> None:
        self._renderer = renderer
        self._mail = mail
        self._sms = sms
        self._idempotency = idempotency
        self._opener = opener
        self._link_base = link_base
        self._writers: dict[str, Callable[[Record, Envelope], Notice]] = {
            NOTIFICATION_WELCOME: self._welcome,
            NOTIFICATION_PASSWORD_RESET: self._password_reset,
            NOTIFICATION_EMAIL: self._email,
        }

    def handle(self, record: Record, seconds_left: Callable[[], float]) -> None:
        """Send the mail and the SMS of one record, each once.

        The envelope's deadline is ignored: no requester waits for a mail, and a late one is better
        than none.

        Args:
            record: of one of the three topics.
            seconds_left: seconds until this invocation is stopped.

        Raises:
            BadMessage: it can never be sent; the record belongs in the on-failure destination.
            Unavailable: it could not be sent now; the record is to be delivered again.
        """
        envelope = Envelope.from_headers(record.headers)
        with bind(request_id=envelope.request_id, correlation_id=envelope.correlation_id):
            write = self._writers.get(record.topic)
            if write is None:
                raise BadMessage(f"There is no notification for the topic {record.topic}.")
            notice = write(record, envelope)
            name = effect_name(record, envelope)
            self._send_mail(notice, f"{name} mail", seconds_left)
            if notice.number:
                self._send_sms(notice.number, notice, f"{name} sms", seconds_left)

    def _welcome(self, record: Record, envelope: Envelope) -> Notice:
        message = decode(SendWelcome, record.value)
        name = greeting_name(message.name)
        if message.token is None:
            content = self._renderer.render("welcome", name=name, link=self._link_base)
        else:
            link = self._link("verify-email", self._open(message.token, record, envelope))
            content = self._renderer.render("verify-email", name=name, link=link)
        return Notice(kind="welcome", to=message.email, name=name, content=content)

    def _password_reset(self, record: Record, envelope: Envelope) -> Notice:
        message = decode(SendPasswordReset, record.value)
        name = greeting_name(message.name)
        link = self._link("reset-password", self._open(message.token, record, envelope))
        content = self._renderer.render("password-reset", name=name, link=link)
        return Notice(kind="password-reset", to=message.email, name=name, content=content)

    def _email(self, record: Record, envelope: Envelope) -> Notice:
        message = decode(SendEmail, record.value)
        link = None
        if message.page is not None:
            token = self._open(message.token, record, envelope) if message.token else None
            link = self._link(message.page, token)
        text = plain_text(message.text)
        content = self._renderer.render("email", title=message.subject, text=text, link=link)
        return Notice(kind="email", to=message.to, content=content, number=message.phone, text=text)

    def _open(self, token: Secret, record: Record, envelope: Envelope) -> str:
        return self._opener.open(
            token, topic=record.topic, field="token", correlation_id=envelope.correlation_id
        )

    def _link(self, page: str, token: str | None) -> str:
        query = f"?{urlencode({'token': token})}" if token else ""
        return f"{self._link_base}/{page}{query}"

    def _send_mail(self, notice: Notice, name: str, seconds_left: Callable[[], float]) -> None:
        said = {"kind": notice.kind, "to": masked(notice.to)}
        mail = Mail(
            reference=sha256(name.encode()).hexdigest()[:32],
            to=notice.to,
            name=notice.name,
            content=notice.content,
        )

        def send() -> None:
            log.info("mail sent", extra={**said, "message_id": self._mail.send(mail)})

        if not self._idempotency.run_once(name, send, seconds_left):
            log.info("mail was sent before", extra=said)

    def _send_sms(
        self, number: str, notice: Notice, name: str, seconds_left: Callable[[], float]
    ) -> None:
        said = {"kind": notice.kind, "to": masked_phone(number)}
        if self._sms is None:
            log.warning("SMS not sent: SMS_TRANSPORT is none", extra=said)
            return
        sms = self._sms

        def send() -> None:
            log.info("SMS sent", extra={**said, "message_id": sms.send(number, notice.text)})

        if not self._idempotency.run_once(name, send, seconds_left):
            log.info("SMS was sent before", extra=said)


def effect_name(record: Record, envelope: Envelope) -> str:
    """Return a name for the effect of a record, the same on every delivery.

    It is the sender's ``idempotency-key`` if there is one, and never made from the value. Topic and
    record key belong to it: one word from two users, or for two kinds of mail, names two effects.
    """
    if envelope.idempotency_key is None:
        return record.position
    key = None if record.key is None else record.key.hex()
    return json.dumps([record.topic, key, envelope.idempotency_key])


def greeting_name(name: str | None) -> str | None:
    """Return the name to greet with, or None for a name that reads as a link."""
    if name is None or _READS_AS_LINK.search(name):
        return None
    return " ".join(name.split()) or None


def plain_text(text: str) -> str:
    """Return text with line ends as ``\\n``, and without control characters."""
    return _CONTROL.sub("", "\n".join(text.splitlines()))
