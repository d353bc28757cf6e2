"""A mail server on loopback that keeps what it takes and answers as it is told."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from threading import Event, Thread
from typing import Any

from aiosmtpd.smtp import SMTP

from local import ports

OK = "250 2.0.0 OK"


class MailServer:
    """Started by ``with`` or :meth:`start`; may be stopped and started again on its port.

    Args:
        implicit_tls: speak TLS from the first byte.
        smtp: aiosmtpd's options (``tls_context``, ``auth_required``, ...).

    Attributes:
        port: on 127.0.0.1.
        mails: ``(recipient, mail)`` of all it took.
        connections: how many there were.
        to_recipient, to_data, to_noop: the answer to RCPT, to a mail, and to NOOP; None for none
            ever.
        slow_s: how long each of those answers takes.
    """

    def __init__(self, implicit_tls: ssl.SSLContext | None = None, **smtp: Any) -> None:
        self.port = ports.any_free()
        self.mails: list[tuple[str, EmailMessage]] = []
        self.connections = 0
        self.to_recipient: str | None = OK
        self.to_data: str | None = OK
        self.to_noop: str | None = OK
        self.slow_s = 0.0
        self._implicit_tls = implicit_tls
        self._smtp = smtp
        self._open: list[_Connection] = []

    @property
    def addresses(self) -> list[str]:
        """To whom the mails went, in order."""
        return [to for to, _ in self.mails]

    def start(self) -> None:
        """Listen; returns when it does."""
        ready = Event()
        self._thread = Thread(target=lambda: asyncio.run(self._serve(ready)))
        self._thread.start()
        ready.wait()

    def stop(self) -> None:
        """Drop all connections and listen no more."""
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join()

    def __enter__(self) -> MailServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def _serve(self, ready: Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        server = await self._loop.create_server(
            self._connection, ports.HOST, self.port, ssl=self._implicit_tls
        )
        ready.set()
        await self._stopped.wait()
        server.close()
        for connection in self._open:
            connection.drop()
        self._open.clear()

    def _connection(self) -> _Connection:
        self.connections += 1
        connection = _Connection(
            _Answers(self), hostname="localhost", loop=self._loop, **self._smtp
        )
        self._open.append(connection)
        return connection

    async def answer(self, text: str | None) -> str:
        """Return the answer, or none ever."""
        if text is None:
            await self._stopped.wait()
        await asyncio.sleep(self.slow_s)
        return text or ""


class _Connection(SMTP):
    def drop(self) -> None:
        """As a server does that is killed."""
        if isinstance(self.transport, asyncio.Transport):
            self.transport.abort()


class _Answers:
    """aiosmtpd's hooks; the names are its."""

    def __init__(self, server: MailServer) -> None:
        self._server = server

    def handle_NOOP(self, *_: object) -> Awaitable[str]:  # noqa: N802
        return self._server.answer(self._server.to_noop)

    async def handle_RCPT(  # noqa: N802
        self, server: object, session: object, envelope: Any, address: str, options: object
    ) -> str:
        answer = await self._server.answer(self._server.to_recipient)
        if answer == OK:
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:  # noqa: N802
        answer = await self._server.answer(self._server.to_data)
        if answer == OK:
            mail = message_from_bytes(envelope.content, policy=default)
            assert isinstance(mail, EmailMessage)
            self._server.mails += [(to, mail) for to in envelope.rcpt_tos]
        return answer
