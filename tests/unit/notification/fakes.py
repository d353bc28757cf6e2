"""Small real parts in place of servers."""

from __future__ import annotations

import time
from collections.abc import Callable

from notification.rendering import Renderer
from notification.service import NotificationService
from notification.transports.mail import Mail
from shared.contract.envelope import Envelope
from shared.contract.messages import Message, encode
from shared.runtime.records import Record
from shared.security.sealing import JwkSet, Opener, Sealer, new_key

LINK_BASE = "https://app.example.com"
BRAND = "Acme"


class MailBag:
    """A mail transport that keeps what it is given, or fails as it is told."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.failure: Exception | None = None

    def send(self, mail: Mail) -> str:
        if self.failure:
            raise self.failure
        self.mails.append(mail)
        return f"<{mail.reference}@acme.example>"


class SmsBag:
    """An SMS transport that keeps what it is given, or fails as it is told."""

    def __init__(self) -> None:
        self.texts: list[tuple[str, str]] = []
        self.failure: Exception | None = None

    def send(self, number: str, text: str) -> str:
        if self.failure:
            raise self.failure
        self.texts.append((number, text))
        return "sms-1"


class Memory:
    """Remembers effects as Redis would; fails where no time was left."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def run_once(
        self, name: str, effect: Callable[[], None], seconds_left: Callable[[], float]
    ) -> bool:
        assert seconds_left() > 0
        if name in self.names:
            return False
        effect()
        self.names.append(name)
        return True


class Office:
    """The service on small parts.

    Attributes:
        mail, sms, memory: what it was given.
        sealer: seals to it.
    """

    def __init__(self, *, with_sms: bool = True, accept_plain: bool = False) -> None:
        keys = JwkSet((new_key("n1"),))
        self.mail, self.sms, self.memory = MailBag(), SmsBag(), Memory()
        self.sealer = Sealer(keys.public())
        self.service = NotificationService(
            renderer=Renderer(brand=BRAND, home=LINK_BASE),
            mail=self.mail,
            sms=self.sms if with_sms else None,
            idempotency=self.memory,
            opener=Opener(keys, accept_plain=accept_plain),
            link_base=LINK_BASE,
        )

    def handle(self, record: Record) -> None:
        """Handle a record with a minute left."""
        until = time.monotonic() + 60
        self.service.handle(record, lambda: until - time.monotonic())


def a_record(
    topic: str,
    value: Message | bytes | None,
    envelope: Envelope | None = None,
    *,
    offset: int = 0,
    key: bytes | None = b"user1",
) -> Record:
    """Return a record of a topic."""
    headers = (envelope or Envelope()).to_headers()
    return Record(
        topic=topic,
        partition=0,
        offset=offset,
        timestamp_ms=1_700_000_000_000,
        key=key,
        value=encode(value) if isinstance(value, Message) else value,
        headers=tuple((name, text) for name, text in headers if isinstance(text, bytes)),
    )
