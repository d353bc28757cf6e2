"""A mail: its parts, its headers, and the interface of a transport."""

from __future__ import annotations

from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from typing import Protocol

import msgspec

from notification.transports.addresses import mailbox
from shared.config.settings import SettingsError
from shared.contract.errors import BadMessage

# 7bit: whatever the servers on the way can do, nothing has to be re-encoded.
_POLICY = SMTP.clone(cte_type="7bit")


class Content(msgspec.Struct, frozen=True):
    """The words of a mail.

    Attributes:
        subject: one line of text.
        text, html: the same words twice.
    """

    subject: str
    text: str
    html: str


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail to one person.

    Attributes:
        reference: names this mail, the same on every attempt. A server or a mail program that
            knows the Message-ID already can drop the second copy.
        to: the address.
        name: of the receiver, for the To header.
        content: its words.
    """

    reference: str
    to: str
    name: str | None
    content: Content


class MailTransport(Protocol):
    """Sends mails."""

    def send(self, mail: Mail) -> str:
        """Send one mail.

        Returns:
            The mail's id at the server.

        Raises:
            BadMessage: the mail will never be accepted.
            Unavailable: it was not accepted now.
        """
        ...


def sender(mail_from: str) -> Address:
    """Return the sender in the setting MAIL_FROM.

    Raises:
        SettingsError: there is no address in it.
    """
    name, address = parseaddr(mail_from)
    try:
        return mailbox(address, name)
    except BadMessage:
        raise SettingsError("MAIL_FROM has no address: Name <address> is expected.") from None


def compose(mail: Mail, from_: Address) -> EmailMessage:
    """Return the mail as MIME: a text part and an HTML part.

    ``EmailMessage`` refuses a header with a line break, so no value can add one.

    Raises:
        BadMessage: the address or a header cannot be written.
    """
    message = EmailMessage(_POLICY)
    try:
        message["From"] = from_
        message["To"] = mailbox(mail.to, mail.name or "")
        message["Subject"] = mail.content.subject
        message["Date"] = datetime.now(UTC)
        message["Message-ID"] = f"<{mail.reference}@{from_.domain}>"
        # RFC 3834: a vacation responder does not answer this.
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(mail.content.text)
        message.add_alternative(mail.content.html, subtype="html")
    except (ValueError, MessageError):
        raise BadMessage("The mail cannot be written: a header has a line break.") from None
    return message
