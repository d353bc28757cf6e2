"""The messages on the topics: plain JSON objects, camelCase, as a NestJS service writes them.

No type has a member named ``key`` or ``value``: NestJS's serializer would unwrap it.
Unknown members are ignored, so that a sender may be newer than its reader.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from shared.contract.errors import BadMessage, Refusal
from shared.contract.json import decode_json

# PostgreSQL's text holds no NUL; control characters have no place in a name or an address.
_PRINTABLE = r"^[^\x00-\x1f\x7f]*\Z"

Email = Annotated[
    str, Meta(max_length=254, pattern=r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+\Z")
]
Name = Annotated[str, Meta(min_length=1, max_length=100, pattern=_PRINTABLE)]
Id = Annotated[str, Meta(min_length=2, max_length=40, pattern=r"^[A-Za-z0-9_-]+\Z")]
Moment = Annotated[datetime, Meta(tz=True)]
UserAgent = Annotated[str, Meta(max_length=400, pattern=_PRINTABLE)]
Address = Annotated[str, Meta(max_length=45, pattern=_PRINTABLE)]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]


class Message(msgspec.Struct, frozen=True, rename="camel", kw_only=True, omit_defaults=True):
    """The base of every message."""


class Sealed(Message, frozen=True):
    """A secret that only the function it is meant for can open (:mod:`shared.security.sealing`).

    Attributes:
        kid: which of that function's keys opens it.
        sealed: base64url of HPKE's encapsulated key and ciphertext (RFC 9180).
    """

    kid: str
    sealed: str


# A NestJS peer sends a plain string; whether that is accepted is a setting of the reader.
Secret = Sealed | str


class NewSession(Message, frozen=True):
    """A session that the gateway opens: it keeps the refresh token and sends its hash.

    Attributes:
        id: the access token's ``sid``.
        refresh_token_hash: SHA-256 of the refresh token, in hexadecimal.
        expires_at: when the refresh token expires.
        user_agent, ip: shown to the user in the list of sessions.
    """

    id: Id
    refresh_token_hash: Sha256
    expires_at: Moment
    user_agent: UserAgent | None = None
    ip: Address | None = None


class Client(Message, frozen=True):
    """The client's device, for the audit trail.

    Attributes:
        user_agent, ip: as in :class:`NewSession`.
    """

    user_agent: UserAgent | None = None
    ip: Address | None = None


class NewToken(Message, frozen=True):
    """A token that the sender keeps, and of which only the hash travels.

    Attributes:
        hash: SHA-256 of the token, in hexadecimal.
        expires_at: when it expires.
    """

    hash: Sha256
    expires_at: Moment

    @property
    def expired(self) -> bool:
        """Whether the token has expired by now."""
        return self.expires_at <= datetime.now(UTC)


class MailedToken(NewToken, frozen=True):
    """A token that goes out by mail.

    Attributes:
        sealed: the token itself, sealed to the notification function for the event that will
            carry it there; the user function passes it on and cannot open it.
    """

    sealed: Sealed


class ProfileMembers(Message, frozen=True, kw_only=True):
    """The members of a profile: what users say about themselves.

    A new one also stands in :class:`UpdateUser`, where an absent member is not a null one, and in
    :class:`User`, which takes any value: an imported table may hold some that are refused today.
    There it has a default, since functions are deployed one after the other. It is a column of the
    table ``users``; the user function's statements follow from it.
    """

    name: Name | None = None


class RegisterUser(ProfileMembers, frozen=True):
    """``user.register``: create an account. Answered with a :class:`User`.

    Attributes:
        session: signs the new account in.
        verification: confirms the address; the requester mails it with the welcome.
        welcome: that token, sealed to the notification function, from a requester that does not
            wait. No client may learn whether the e-mail was taken, so the user function sends the
            welcome, or a notice to the owner of the address.
    """

    email: Email
    password: Secret
    session: NewSession | None = None
    verification: NewToken | None = None
    welcome: Sealed | None = None
    client: Client | None = None


class ValidateUser(Message, frozen=True):
    """``user.validate``: is this the password? Answered with a :class:`User`.

    Attributes:
        session: opened when the password is right, and no second factor is on.
        challenge: the token for the second step where a second factor is on; the refusal
            ``second-factor-needed`` asks for that step. Without a challenge such a user is refused.
    """

    email: Email
    password: Secret
    session: NewSession | None = None
    challenge: NewToken | None = None
    client: Client | None = None


class FindUser(Message, frozen=True):
    """``user.find``, by id or by e-mail. Answered with a :class:`User`.

    Attributes:
        session: the session of the sender; it must not have ended.
    """

    id: Id | None = None
    email: Email | None = None
    session: Id | None = None


class UpdateUser(Message, frozen=True):
    """``user.update``: an absent member changes nothing. Answered with a :class:`User`.

    Attributes:
        session: as in :class:`FindUser`.
    """

    id: Id
    name: Name | UnsetType | None = UNSET
    email: Email | UnsetType = UNSET
    session: Id | None = None


class User(Message, frozen=True, omit_defaults=False):
    """A user without password and hashes."""

    id: str
    email: str
    name: str | None
    email_verified: bool
    created_at: datetime
    updated_at: datetime


class SendWelcome(Message, frozen=True):
    """``notification.send.welcome``.

    Attributes:
        token: confirms the address; sealed to the notification function.
    """

    user_id: Id
    email: Email
    name: Name | None = None
    token: Secret | None = None


class SendPasswordReset(Message, frozen=True):
    """``notification.send.password-reset``: the token is sealed to the notification function."""

    user_id: Id
    email: Email
    token: Secret
    name: Name | None = None


class SendEmail(Message, frozen=True):
    """``notification.send.email``: a text to an address, and by SMS if there is a number.

    Attributes:
        to: the address.
        subject, text: plain text; the HTML part is made from it.
        phone: E.164, for an SMS with the same text.
        page, token: a link to add: the page's name, and the token that it carries, sealed to the
            notification function.
    """

    to: Email
    subject: Annotated[str, Meta(min_length=1, max_length=200, pattern=_PRINTABLE)]
    text: Annotated[str, Meta(min_length=1, max_length=20_000)]
    phone: Annotated[str, Meta(pattern=r"^\+[1-9][0-9]{6,14}\Z")] | None = None
    page: Annotated[str, Meta(pattern=r"^[a-z-]{1,40}\Z")] | None = None
    token: Secret | None = None


class ErrorReply(Message, frozen=True, omit_defaults=False):
    """The value of ``kafka_nest-err``: NestJS's ``RpcException`` shape, with our stable code."""

    status_code: int
    message: str
    code: str


class _NestError(Message, frozen=True):
    """The shapes that a NestJS service may put into ``kafka_nest-err``."""

    status_code: int | None = None
    message: object = ""
    code: str | None = None


_M = TypeVar("_M", bound=Message)


def encode(message: Message) -> bytes:
    """Return the message as UTF-8 JSON."""
    return msgspec.json.encode(message)


def decode(kind: type[_M], value: bytes | None) -> _M:
    """Read a message.

    Raises:
        BadMessage: no value, no JSON, or not of this type; the sentence names the member.
    """
    if value is None:
        raise BadMessage("The message has no value.")
    try:
        return decode_json(value, kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadMessage(f"The message cannot be read: {error}") from None


def encode_refusal(refusal: Refusal) -> bytes:
    """Return the refusal as the value of ``kafka_nest-err``."""
    return encode(
        ErrorReply(status_code=refusal.status, message=refusal.message, code=refusal.code)
    )


def decode_refusal(header: bytes) -> Refusal:
    """Return the refusal that a reply carries, from our functions or from a NestJS service.

    NestJS writes an object, or plain text when it has no handler for the topic. A reply without a
    status of 4xx is a failure of its sender and becomes 502.
    """
    try:
        error = decode_json(header, _NestError)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        error = _NestError(message=header.decode(errors="replace"))
    status = error.status_code or 0
    if not 400 <= status < 500:
        return Refusal("The service could not answer.", code="bad-gateway", status=502)
    return Refusal(str(error.message), code=error.code or "refused", status=status)
