"""Mail over SMTP: few connections, kept and checked, and one deadline for each send."""

from __future__ import annotations

import re
import smtplib
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTPUTF8
from typing import Any

from notification.transports.mail import Mail, compose
from notification.transports.smtp_server import SmtpServer
from shared.config.settings import SettingsError
from shared.contract.errors import BadMessage, Unavailable

# Between invocations an environment is frozen and cannot see its connections die. Up to this idle
# time a NOOP tells; beyond it, a new connection is quicker than one that a NAT may have dropped.
_IDLE_LIMIT_S = 30.0
_NOOP_S = 2.0
_LEAST_WAIT_S = 0.05
_PERMANENT = 500  # RFC 5321, 4.2.1: 5yz, do not repeat the same
_ENHANCED_CODE = re.compile(rb"[245]\.\d{1,3}\.\d{1,3}")  # RFC 3463


class SmtpTransport:
    """Hands mails to one server.

    Connections are kept for the next send, also across invocations; one thread at a time uses one.
    Nothing is opened before the first send.

    Args:
        server: the mail server.
        from_: the sender of every mail; its domain is also the name given in EHLO.
        timeout_s: seconds for a send as a whole, connecting included.
        ca: PEM text of a certificate authority to trust beside the system's, or empty.

    Raises:
        SettingsError: ``ca`` is not PEM.
    """

    def __init__(self, server: SmtpServer, from_: Address, timeout_s: float, ca: str = "") -> None:
        self._server = server
        self._from = from_
        self._timeout_s = timeout_s
        self._tls = _trust(ca)
        self._idle: list[_Session] = []

    def send(self, mail: Mail) -> str:
        """Send one mail (:class:`notification.transports.mail.MailTransport`)."""
        message = compose(mail, self._from)
        to = message["To"].addresses[0].addr_spec
        session = self._session(time.monotonic() + self._timeout_s)
        try:
            with _translated_replies():
                session.hand_over(message, self._from.addr_spec, to)
        except BaseException:
            session.close()
            raise
        session.used_at = time.time()
        self._idle.append(session)
        return str(message["Message-ID"])

    def close(self) -> None:
        """Close every connection that is kept, with QUIT."""
        while self._idle:
            self._idle.pop().leave()

    def _session(self, deadline: float) -> _Session:
        while self._idle:
            session = self._idle.pop()
            if session.is_alive(deadline):
                return session
            session.close()
        return self._connect(deadline)

    def _connect(self, deadline: float) -> _Session:
        with _translated_connect_errors():
            session = self._open(deadline)
            try:
                if self._server.tls == "starttls":
                    session.starttls(context=self._tls)
                if self._server.user:
                    session.login(self._server.user, self._server.password)
            except BaseException:
                session.close()
                raise
        return session

    def _open(self, deadline: float) -> _Session:
        if self._server.tls == "implicit":
            return _TlsSession(self._server, self._from.domain, deadline, context=self._tls)
        return _Session(self._server, self._from.domain, deadline)


class _Session(smtplib.SMTP):
    """An SMTP session with one deadline; smtplib has only a timeout for each wait."""

    def __init__(self, server: SmtpServer, name: str, deadline: float, **more: Any) -> None:
        self.deadline = deadline
        self.used_at = time.time()
        # The name given in EHLO is set here, or smtplib asks the DNS for this machine's.
        super().__init__(server.host, server.port, name, timeout=self._left_s, **more)

    @property
    def _left_s(self) -> float:
        return max(_LEAST_WAIT_S, self.deadline - time.monotonic())

    def getreply(self) -> tuple[int, bytes]:
        """Wait for the server's answer until the deadline."""
        if self.sock is not None:
            self.sock.settimeout(self._left_s)
        return super().getreply()

    def hand_over(self, message: EmailMessage, from_: str, to: str) -> None:
        """Send one mail.

        smtplib's ``send_message`` would write ``>From`` where a line begins with From.

        Raises:
            SMTPNotSupportedError: the address is beyond ASCII, and the server lacks SMTPUTF8.
        """
        if to.isascii():
            self.sendmail(from_, [to], message.as_bytes())
            return
        self.ehlo_or_helo_if_needed()
        if not self.has_extn("smtputf8"):
            raise smtplib.SMTPNotSupportedError
        raw = message.as_bytes(policy=SMTPUTF8)
        self.sendmail(from_, [to], raw, ["SMTPUTF8", "BODY=8BITMIME"])

    def is_alive(self, deadline: float) -> bool:
        """Return whether the server answers a NOOP (RFC 5321, 4.1.1.9); set the new deadline."""
        # Wall clock: the monotonic one may stand still while an environment is frozen.
        if not 0 <= time.time() - self.used_at < _IDLE_LIMIT_S:
            return False
        self.deadline = min(deadline, time.monotonic() + _NOOP_S)
        try:
            alive = self.noop()[0] == 250
        except OSError:
            return False
        self.deadline = deadline
        return alive

    def leave(self) -> None:
        """Send QUIT, and close."""
        self.deadline = time.monotonic() + _NOOP_S
        try:
            self.quit()
        except OSError:
            self.close()


class _TlsSession(_Session, smtplib.SMTP_SSL):
    """An SMTP session inside TLS from its first byte (RFC 8314)."""


def _trust(ca: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca:
        try:
            context.load_verify_locations(cadata=ca)
        except ssl.SSLError:
            raise SettingsError("SMTP_CA is not a certificate in PEM.") from None
    return context


@contextmanager
def _translated_connect_errors() -> Iterator[None]:
    """Raise Unavailable for any failure before a mail is offered: the mail is not at fault."""
    try:
        yield
    except smtplib.SMTPResponseException as error:
        raise Unavailable(
            f"The mail server refuses this client: {_reason(error.smtp_code, error.smtp_error)}."
        ) from None
    except OSError as error:
        raise Unavailable(f"The mail server cannot be reached ({type(error).__name__}).") from error


@contextmanager
def _translated_replies() -> Iterator[None]:
    """Raise our errors for the server's replies to a mail.

    The server's words may hold the address, so only the codes are kept.
    """
    try:
        yield
    except smtplib.SMTPRecipientsRefused as error:
        raise _refusal(*next(iter(error.recipients.values()))) from None
    except smtplib.SMTPResponseException as error:
        raise _refusal(error.smtp_code, error.smtp_error) from None
    except smtplib.SMTPNotSupportedError:
        raise BadMessage("The mail server does not take an address beyond ASCII.") from None
    except OSError as error:
        raise Unavailable(
            f"The mail server left in the middle of a mail ({type(error).__name__})."
        ) from None


def _refusal(code: int, text: bytes | str) -> BadMessage | Unavailable:
    kind = BadMessage if code >= _PERMANENT else Unavailable
    return kind(f"The mail server does not take the mail: {_reason(code, text)}.")


def _reason(code: int, text: bytes | str) -> str:
    enhanced = _ENHANCED_CODE.match(text.encode() if isinstance(text, str) else text)
    return f"{code} {enhanced[0].decode()}" if enhanced else str(code)
