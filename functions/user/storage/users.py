"""The table of users."""

from __future__ import annotations

from typing import Any, Final, LiteralString

from msgspec import UNSET
from psycopg import Connection, sql
from psycopg.errors import UniqueViolation
from psycopg.rows import DictRow

from shared.contract.errors import EmailTaken
from shared.contract.messages import ProfileMembers, RegisterUser, UpdateUser, User
from user.accounts.model import Credentials

PROFILE: Final = ProfileMembers.__struct_fields__
"""The columns of the profile, named like the members that they hold."""


def _given(member: str) -> str:
    return f"{member}_given"


def _each_member(pattern: LiteralString) -> sql.Composed:
    """Return the pattern filled in for each member of the profile, with commas between."""
    return sql.SQL(", ").join(
        sql.SQL(pattern).format(
            column=sql.Identifier(member),
            value=sql.Placeholder(member),
            given=sql.Placeholder(_given(member)),
        )
        for member in PROFILE
    )


def _statement(text: LiteralString) -> sql.Composed:
    return sql.SQL(text).format(
        profile=_each_member("{column}"),
        values=_each_member("{value}"),
        changes=_each_member("{column} = CASE WHEN {given} THEN {value} ELSE {column} END"),
        columns=sql.SQL(
            "id, email, {}, email_verified_at IS NOT NULL AS email_verified, created_at, updated_at"
        ).format(_each_member("{column}")),
    )


_BY_ID = _statement("SELECT {columns}, password FROM users WHERE id = %s")
_BY_EMAIL = _statement("SELECT {columns}, password FROM users WHERE lower(email) = lower(%s)")
_SIGNED_IN = _statement("""
    SELECT {columns} FROM users WHERE id = %(id)s AND EXISTS (
        SELECT FROM sessions WHERE family = %(session)s AND user_id = %(id)s
            AND revoked_at IS NULL AND expires_at > now())
""")
_LOCK = _statement("SELECT {columns}, password FROM users WHERE id = %s FOR NO KEY UPDATE")
_ADD = _statement("""
    INSERT INTO users (id, email, password, {profile})
    VALUES (%(id)s, %(email)s, %(password)s, {values})
    ON CONFLICT (lower(email)) DO NOTHING RETURNING {columns}
""")
_RENEW_HASH = "UPDATE users SET password = %s WHERE id = %s AND password = %s"
_SET_HASH = "UPDATE users SET password = %s, updated_at = clock_timestamp() WHERE id = %s"
# The clock is read when the row is locked, so that a later change always has a later time.
_UPDATE = _statement("""
    UPDATE users SET
        {changes},
        email = coalesce(%(email)s::text, email),
        email_verified_at = CASE
            WHEN lower(%(email)s::text) <> lower(email) THEN NULL ELSE email_verified_at END,
        updated_at = clock_timestamp()
    WHERE id = %(id)s RETURNING {columns}
""")
_PROVE_EMAIL = _statement("""
    UPDATE users SET
        email = %(email)s,
        email_verified_at = CASE
            WHEN email_verified_at IS NOT NULL AND lower(email) = lower(%(email)s)
            THEN email_verified_at ELSE clock_timestamp() END,
        updated_at = clock_timestamp()
    WHERE id = %(id)s RETURNING {columns}
""")
_DELETE = "DELETE FROM users WHERE id = %s"


class PostgresUsers:
    """Users in PostgreSQL.

    Attributes:
        locked: id of the last user that was locked.
    """

    def __init__(self, connection: Connection[DictRow]) -> None:
        self._connection = connection
        self.locked: str | None = None

    def by_id(self, user_id: str) -> Credentials | None:
        """Return the user with this id."""
        return _credentials(self._connection.execute(_BY_ID, (user_id,)).fetchone())

    def by_email(self, email: str) -> Credentials | None:
        """Return the user with this e-mail, in any case of letters."""
        return _credentials(self._connection.execute(_BY_EMAIL, (email,)).fetchone())

    def signed_in(self, user_id: str, session: str) -> User | None:
        """Return the user, if this session of theirs is active."""
        given = {"id": user_id, "session": session}
        return _user(self._connection.execute(_SIGNED_IN, given).fetchone())

    def lock(self, user_id: str) -> Credentials | None:
        """Lock the user's row until the transaction ends, and return the user."""
        self.locked = user_id
        return _credentials(self._connection.execute(_LOCK, (user_id,)).fetchone())

    def add(self, user_id: str, command: RegisterUser, password_hash: str) -> User | None:
        """Add a user; return None when the e-mail is taken."""
        given = {member: getattr(command, member) for member in PROFILE}
        given |= {"id": user_id, "email": command.email, "password": password_hash}
        return _user(self._connection.execute(_ADD, given).fetchone())

    def update(self, command: UpdateUser) -> User | None:
        """Change the members that the command gives; return the user, or None if there is none.

        Raises:
            EmailTaken: another user has the new e-mail.
        """
        given: dict[str, Any] = {"id": command.id, "email": _or_none(command.email)}
        for member in PROFILE:
            value = getattr(command, member)
            given |= {member: _or_none(value), _given(member): value is not UNSET}
        return self._changed(_UPDATE, given)

    def set_password(self, user_id: str, password_hash: str) -> None:
        """Store the hash of a new password."""
        self._connection.execute(_SET_HASH, (password_hash, user_id))

    def renew_hash(self, checked: Credentials, password_hash: str) -> None:
        """Store another hash of the same password, unless the password has changed since."""
        self._connection.execute(
            _RENEW_HASH, (password_hash, checked.user.id, checked.password_hash)
        )

    def prove_email(self, user_id: str, email: str) -> User | None:
        """Make this the user's verified e-mail; return the user, or None if there is none.

        Raises:
            EmailTaken: another user has it.
        """
        return self._changed(_PROVE_EMAIL, {"id": user_id, "email": email})

    def delete(self, user_id: str) -> None:
        """Delete a user; sessions, tokens and the second factor go by foreign key."""
        self._connection.execute(_DELETE, (user_id,))

    def _changed(self, statement: sql.Composed, given: dict[str, Any]) -> User | None:
        try:
            return _user(self._connection.execute(statement, given).fetchone())
        except UniqueViolation:
            raise EmailTaken from None


def _or_none(value: object) -> object:
    return None if value is UNSET else value


def _user(row: DictRow | None) -> User | None:
    return User(**row) if row else None


def _credentials(row: DictRow | None) -> Credentials | None:
    if row is None:
        return None
    password = row.pop("password")
    return Credentials(User(**row), password)
