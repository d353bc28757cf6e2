"""Users."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET
from psycopg import Connection
from psycopg.errors import UniqueViolation
from psycopg.rows import DictRow

from shared.contract.errors import EmailTaken
from shared.contract.messages import UpdateUser, User
from user.accounts.model import Credentials

_COLUMNS = (
    "id, email, name, email_verified_at IS NOT NULL AS email_verified, created_at, updated_at"
)
_FIND = f"SELECT {_COLUMNS} FROM users WHERE id = %s"  # noqa: S608 - constants only
_FIND_SIGNED_IN = f"""
    SELECT {_COLUMNS} FROM users WHERE id = %(id)s AND EXISTS (
        SELECT FROM sessions WHERE family = %(session)s AND user_id = %(id)s
            AND revoked_at IS NULL AND expires_at > now())
"""  # noqa: S608
_CREDENTIALS = f"SELECT {_COLUMNS}, password FROM users WHERE lower(email) = lower(%s)"  # noqa: S608
_CREDENTIALS_BY_ID = f"SELECT {_COLUMNS}, password FROM users WHERE id = %s"  # noqa: S608
_LOCK = f"SELECT {_COLUMNS}, password FROM users WHERE id = %s FOR NO KEY UPDATE"  # noqa: S608
_ADD = f"""
    INSERT INTO users (id, email, password, name) VALUES (%s, %s, %s, %s)
    ON CONFLICT (lower(email)) DO NOTHING RETURNING {_COLUMNS}
"""  # noqa: S608
_REHASH = "UPDATE users SET password = %s WHERE id = %s AND password = %s"
_SET_HASH = "UPDATE users SET password = %s, updated_at = clock_timestamp() WHERE id = %s"
# The clock is read when the row is locked, so that a later change always has a later time.
_UPDATE = f"""
    UPDATE users SET
        name = CASE WHEN %(set_name)s THEN %(name)s::text ELSE name END,
        email = coalesce(%(email)s::text, email),
        email_verified_at = CASE
            WHEN lower(%(email)s::text) <> lower(email) THEN NULL ELSE email_verified_at END,
        updated_at = clock_timestamp()
    WHERE id = %(id)s RETURNING {_COLUMNS}
"""  # noqa: S608
_PROVE_EMAIL = f"""
    UPDATE users SET
        email = %(email)s,
        email_verified_at = CASE
            WHEN email_verified_at IS NOT NULL AND lower(email) = lower(%(email)s)
            THEN email_verified_at ELSE clock_timestamp() END,
        updated_at = clock_timestamp()
    WHERE id = %(id)s RETURNING {_COLUMNS}
"""  # noqa: S608
_DELETE = "DELETE FROM users WHERE id = %s"


def find(connection: Connection[DictRow], user_id: str, session: str | None) -> User | None:
    """The user with this id, and, when a session is given, signed in with it."""
    if session is None:
        row = connection.execute(_FIND, (user_id,)).fetchone()
    else:
        row = connection.execute(_FIND_SIGNED_IN, {"id": user_id, "session": session}).fetchone()
    return User(**row) if row else None


def credentials(connection: Connection[DictRow], email: str) -> Credentials | None:
    """The user with this e-mail, however it is spelled, and the password's hash."""
    return _credentials(connection.execute(_CREDENTIALS, (email,)).fetchone())


def credentials_of(connection: Connection[DictRow], user_id: str) -> Credentials | None:
    """The user with this id, and the password's hash."""
    return _credentials(connection.execute(_CREDENTIALS_BY_ID, (user_id,)).fetchone())


class Users:
    """Changes to users."""

    _connection: Connection[DictRow]

    def credentials(self, email: str) -> Credentials | None:
        """The user with this e-mail, however it is spelled, and the password's hash."""
        return credentials(self._connection, email)

    def credentials_of(self, user_id: str) -> Credentials | None:
        """The user with this id, and the password's hash."""
        return credentials_of(self._connection, user_id)

    def lock_user(self, user_id: str) -> Credentials | None:
        """The user; until the end, no other transaction changes them, their sessions or tokens."""
        return _credentials(self._connection.execute(_LOCK, (user_id,)).fetchone())

    def add_user(
        self, user_id: str, email: str, password_hash: str, name: str | None
    ) -> User | None:
        """A new user; None when the e-mail is taken."""
        row = self._connection.execute(_ADD, (user_id, email, password_hash, name)).fetchone()
        return User(**row) if row else None

    def replace_password(self, credentials: Credentials, password_hash: str) -> None:
        """Another hash of the same password, unless the password has changed meanwhile."""
        self._connection.execute(
            _REHASH, (password_hash, credentials.user.id, credentials.password_hash)
        )

    def set_password(self, user_id: str, password_hash: str) -> None:
        """Another password."""
        self._connection.execute(_SET_HASH, (password_hash, user_id))

    def update_user(self, change: UpdateUser) -> User | None:
        """The user after the change; None when there is none.

        Raises:
            EmailTaken: somebody else has the new e-mail.
        """
        given: dict[str, Any] = {
            "id": change.id,
            "set_name": change.name is not UNSET,
            "name": None if change.name is UNSET else change.name,
            "email": None if change.email is UNSET else change.email,
        }
        try:
            row = self._connection.execute(_UPDATE, given).fetchone()
        except UniqueViolation:
            raise EmailTaken from None
        return User(**row) if row else None

    def prove_email(self, user_id: str, email: str) -> User | None:
        """The user, whose address this is now, and verified; None when there is none.

        Raises:
            EmailTaken: it has become somebody else's.
        """
        try:
            row = self._connection.execute(_PROVE_EMAIL, {"id": user_id, "email": email}).fetchone()
        except UniqueViolation:
            raise EmailTaken from None
        return User(**row) if row else None

    def delete_user(self, user_id: str) -> None:
        """Delete a user, and with them sessions, tokens and the second factor."""
        self._connection.execute(_DELETE, (user_id,))


def _credentials(row: DictRow | None) -> Credentials | None:
    if row is None:
        return None
    password = row.pop("password")
    return Credentials(User(**row), password)
