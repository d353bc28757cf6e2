"""The values that use cases and storage exchange."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from shared.contract.envelope import Envelope
from shared.contract.messages import Message, User

SignUp = Literal["open", "verified", "private"]
"""Which users may sign in: all, or those whose e-mail is verified; see the settings."""

Purpose = Literal["reset", "verify", "challenge"]

AuditKind = Literal[
    "account-created",
    "account-deleted",
    "signed-in",
    "sign-in-refused",
    "second-factor-refused",
    "signed-out",
    "refresh-token-reused",
    "password-changed",
    "password-reset-asked",
    "password-reset",
    "email-change-asked",
    "email-changed",
    "email-verified",
    "second-factor-on",
    "second-factor-off",
    "recovery-code-used",
    "recovery-codes-renewed",
    "data-exported",
    "key-rotated",
]


class CommandId(msgspec.Struct, frozen=True):
    """The identity of one command: the same at every delivery.

    Attributes:
        topic: the command's topic.
        idempotency_key: the sender's, or else the correlation id, or else the record's place.
        envelope: the command's headers; its events carry them on.
    """

    topic: str
    idempotency_key: str
    envelope: Envelope = Envelope()


class Credentials(msgspec.Struct, frozen=True):
    """A user with the password hash that a login is checked against."""

    user: User
    password_hash: str


class StoredSession(msgspec.Struct, frozen=True):
    """One refresh token of a session, active or not.

    Attributes:
        family: the session's id outside of the user function.
        used_at: when it was spent for its successor.
        active: neither revoked nor expired.
        signed_in_at: the login that began the family.
    """

    user_id: str
    family: str
    used_at: datetime | None
    active: bool
    signed_in_at: datetime


class StoredToken(msgspec.Struct, frozen=True):
    """A one-time token that is still good.

    Attributes:
        email: the address that it proves, or None.
        attempts: wrong answers so far.
    """

    user_id: str
    email: str | None
    attempts: int


class StoredFactor(msgspec.Struct, frozen=True):
    """A user's second factor.

    Attributes:
        secret: JSON, sealed.
        confirmed_at: None while it does not count yet.
        last_step: the time step of the last code that was accepted.
        failures: wrong codes since the last right one.
        waits: whether no code is checked now.
    """

    secret: str
    confirmed_at: datetime | None
    last_step: int
    failures: int
    waits: bool


class AuditEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """One event of the audit trail: which user, from where; never a secret.

    Attributes:
        detail: what the event is about, if it is about no user: the name of a key.
    """

    kind: AuditKind
    user_id: str | None = None
    session: str | None = None
    user_agent: str | None = None
    ip: str | None = None
    detail: str | None = None


class Event(msgspec.Struct, frozen=True):
    """A record to publish because of a change.

    Attributes:
        topic, key: of the record.
        message: the value, JSON.
    """

    topic: str
    key: str
    message: msgspec.Raw

    @classmethod
    def of(cls, topic: str, key: str, message: Message) -> Event:
        """Return an event with this message; a command has one for a topic and key at most."""
        return cls(topic, key, msgspec.Raw(msgspec.json.encode(message)))
