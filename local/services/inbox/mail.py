"""A mail, read from its bytes into the shapes that Mailpit's API gives."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage, MIMEPart
from email.utils import getaddresses, parsedate_to_datetime
from html import unescape

import msgspec

_SNIPPET_LETTERS = 250
_CAPITALS = {"id": "ID", "message_id": "MessageID", "part_id": "PartID", "html": "HTML"}
_TAG = re.compile(r"<(style|script|head|title)\b.*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)


def _mailpit_name(field: str) -> str:
    return _CAPITALS.get(field) or field.title().replace("_", "")


class Address(msgspec.Struct, frozen=True, rename=_mailpit_name):
    """A name, possibly empty, and an address."""

    name: str
    address: str


class Attachment(msgspec.Struct, frozen=True, rename=_mailpit_name):
    """A part that is a file."""

    part_id: str
    file_name: str
    content_type: str
    content_id: str
    size: int


class Mail(msgspec.Struct, frozen=True, kw_only=True, rename=_mailpit_name):
    """A mail: Mailpit's ``Message``."""

    id: str
    message_id: str
    from_: Address
    to: list[Address]
    cc: list[Address]
    bcc: list[Address]
    reply_to: list[Address]
    return_path: str
    subject: str
    date: datetime
    tags: list[str] = []
    username: str = ""
    text: str
    html: str
    size: int
    inline: list[Attachment] = []
    attachments: list[Attachment]


class Summary(msgspec.Struct, frozen=True, kw_only=True, rename=_mailpit_name):
    """A line of the list: Mailpit's ``MessageSummary``."""

    id: str
    message_id: str
    read: bool = False
    from_: Address
    to: list[Address]
    cc: list[Address]
    bcc: list[Address]
    reply_to: list[Address]
    subject: str
    created: datetime
    username: str = ""
    tags: list[str] = []
    size: int
    attachments: int
    snippet: str


def read(mail_id: str, raw: bytes, received: datetime) -> Mail:
    """Read a mail; what cannot be understood in it is left empty, never an error.

    Args:
        mail_id: its name in this inbox.
        raw: as received, with ``Return-Path`` and ``Delivered-To`` put on top by the receiver.
        received: stands for a date that the mail does not have.
    """
    message = email.message_from_bytes(raw, policy=email.policy.default)
    to, cc = _addresses(message, "To"), _addresses(message, "Cc")
    named = {each.address for each in (*to, *cc)}
    return Mail(
        id=mail_id,
        message_id=_header(message, "Message-ID").strip("<>"),
        from_=next(iter(_addresses(message, "From")), Address("", "")),
        to=to,
        cc=cc,
        # Who received it and is not named in it was in Bcc.
        bcc=[who for who in _addresses(message, "Delivered-To") if who.address not in named],
        reply_to=_addresses(message, "Reply-To"),
        return_path=_header(message, "Return-Path").strip("<>"),
        subject=_header(message, "Subject"),
        date=_date(message) or received,
        text=_body(message, "plain"),
        html=_body(message, "html"),
        size=len(raw),
        attachments=list(_attachments(message)),
    )


def summary(mail: Mail, received: datetime) -> Summary:
    """Return the line of the list for a mail."""
    return Summary(
        id=mail.id,
        message_id=mail.message_id,
        from_=mail.from_,
        to=mail.to,
        cc=mail.cc,
        bcc=mail.bcc,
        reply_to=mail.reply_to,
        subject=mail.subject,
        created=received,
        size=mail.size,
        attachments=len(mail.attachments),
        snippet=" ".join((mail.text or _plain(mail.html)).split())[:_SNIPPET_LETTERS],
    )


def _header(message: EmailMessage, name: str) -> str:
    return str(message.get(name, ""))


def _addresses(message: EmailMessage, name: str) -> list[Address]:
    pairs = getaddresses([str(value) for value in message.get_all(name, [])])
    return [Address(shown, address) for shown, address in pairs if address]


def _date(message: EmailMessage) -> datetime | None:
    try:
        date = parsedate_to_datetime(_header(message, "Date"))
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return _text(part) if part else ""


def _text(part: MIMEPart) -> str:
    raw = part.get_payload(decode=True)
    if not isinstance(raw, bytes):
        return ""
    try:
        return raw.decode(part.get_content_charset("utf-8"), errors="replace")
    except LookupError:  # an unknown character set
        return raw.decode("utf-8", errors="replace")


def _attachments(message: EmailMessage) -> Iterator[Attachment]:
    for number, part in enumerate(message.iter_attachments(), start=1):
        raw = part.get_payload(decode=True)
        yield Attachment(
            part_id=str(number),
            file_name=part.get_filename() or "",
            content_type=part.get_content_type(),
            content_id=str(part.get("Content-ID", "")).strip("<>"),
            size=len(raw) if isinstance(raw, bytes) else 0,
        )


def _plain(html: str) -> str:
    return unescape(_TAG.sub(" ", html))
