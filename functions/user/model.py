"""What rules and storage of the user function both speak of."""

from __future__ import annotations

import msgspec

from shared.messages import User


class MessageName(msgspec.Struct, frozen=True):
    """Names one command, the same at every delivery of it.

    Attributes:
        topic: the command's topic.
        id: the sender's idempotency key, or else the correlation id, or else the record's place.
    """

    topic: str
    id: str


class Credentials(msgspec.Struct, frozen=True):
    """What a login is checked against."""

    user: User
    password_hash: str
