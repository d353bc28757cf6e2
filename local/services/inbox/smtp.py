"""What receives mail: any sender, any recipient, nothing is sent on."""

from __future__ import annotations

import time
from collections.abc import Callable

from aiosmtpd.smtp import SMTP, Envelope, Session

from local.services.inbox.mail import Summary
from local.services.inbox.store import Store


class Receiver:
    """Keeps each mail with its envelope on top: who sent it, and to whom it really went."""

    def __init__(self, store: Store, told: Callable[[Summary], None]) -> None:
        self._store, self._told = store, told

    async def handle_DATA(  # noqa: N802 - aiosmtpd calls it by this name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Take a mail.

        Returns:
            the SMTP answer.
        """
        del server, session
        content = envelope.content or b""
        raw = content.encode() if isinstance(content, str) else content
        top = [f"Return-Path: <{envelope.mail_from or ''}>"]
        top += [f"Delivered-To: {who}" for who in envelope.rcpt_tos]
        self._told(self._store.add("".join(f"{line}\r\n" for line in top).encode() + raw))
        return "250 2.0.0 kept in the inbox"


def protocol(store: Store) -> SMTP:
    """Return a connection's protocol, for ``loop.create_server``."""
    # Without a name, aiosmtpd asks the resolver for one, which may take seconds.
    return SMTP(Receiver(store, _tell), hostname="localhost", enable_SMTPUTF8=True)


def _tell(mail: Summary) -> None:
    to = ", ".join(who.address for who in (*mail.to, *mail.cc, *mail.bcc))
    print(f"{time.strftime('%H:%M:%S')} mail to={to} subject={mail.subject!r}", flush=True)
