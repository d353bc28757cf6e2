"""A mail server that can refuse, be slow, and fail after it has taken a mail."""

from __future__ import annotations

import asyncio
import email
import email.policy
import re
from threading import Lock
from typing import Any, Literal, NamedTuple, Self

from aiosmtpd.controller import Controller

from local import ports

Mood = Literal["takes", "refuses", "slow", "fails after the data", "keeps it and hangs up"]
Kind = Literal["welcome", "reset", "notice"]

_SLOW_S = 1.5
_TOKEN = re.compile(r"/(verify-email|reset-password)\?token=([\w-]+)")


class Mail(NamedTuple):
    """One mail that has come.

    Attributes:
        id: its Message-ID; a second copy of a mail has the same.
        token: in its link; empty when it has none.
    """

    to: str
    id: str
    kind: Kind
    token: str


class Postbox:
    """Takes mail over SMTP, as its mood is.

    Attributes:
        mood: how it treats the next mail.
        port: where it listens.
    """

    def __init__(self) -> None:
        self.mood: Mood = "takes"
        self.port = ports.any_free()
        self._mails: list[Mail] = []
        self._lock = Lock()
        self._server = Controller(self, hostname=ports.HOST, port=self.port)

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    def to(self, address: str, kind: Kind) -> list[Mail]:
        """What has come to an address, oldest first."""
        with self._lock:
            return [each for each in self._mails if (each.to, each.kind) == (address, kind)]

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """aiosmtpd's hook: a receiver."""
        if self.mood == "refuses":
            return "451 4.3.2 Come back later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """aiosmtpd's hook: a whole mail."""
        if self.mood == "slow":
            await asyncio.sleep(_SLOW_S)
        if self.mood == "fails after the data":
            return "451 4.3.0 The disk is full"
        with self._lock:
            self._mails.append(_read(envelope.rcpt_tos[0], envelope.content))
        if self.mood == "keeps it and hangs up":
            server.transport.abort()
        return "250 2.0.0 Taken"


def _read(to: str, content: bytes) -> Mail:
    message = email.message_from_bytes(content, policy=email.policy.default)
    body = message.get_body(("plain",))
    found = _TOKEN.search(body.get_content() if body else "")
    kinds: dict[str, Kind] = {"verify-email": "welcome", "reset-password": "reset"}
    kind, token = (kinds[found[1]], found[2]) if found else ("notice", "")
    return Mail(to, str(message["Message-ID"]), kind, token)
