"""All SQL: users, sessions, and which commands have been carried out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import UNSET
from psycopg import Connection
from psycopg.errors import UniqueViolation
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool

from shared.errors import EmailTaken, Refusal
from shared.messages import (
    NewSession,
    UpdateUser,
    User,
    decode,
    decode_refusal,
    encode,
    encode_refusal,
)
from user.model import Credentials, MessageName

Pool = ConnectionPool[Connection[DictRow]]

_COLUMNS = (
    "id, email, name, email_verified_at IS NOT NULL AS email_verified, created_at, updated_at"
)
_FIND = f"SELECT {_COLUMNS} FROM users WHERE id = %s"  # noqa: S608 - constants only
_CREDENTIALS = f"SELECT {_COLUMNS}, password FROM users WHERE lower(email) = lower(%s)"  # noqa: S608
_ADD_USER = f"""
    INSERT INTO users (id, email, password, name) VALUES (%s, %s, %s, %s)
    ON CONFLICT (lower(email)) DO NOTHING RETURNING {_COLUMNS}
"""  # noqa: S608
_ADD_SESSION = """
    INSERT INTO sessions (id, user_id, family, refresh_token_hash, expires_at, user_agent, ip)
    VALUES (%(id)s, %(user_id)s, %(id)s, %(hash)s, %(expires_at)s, %(user_agent)s, %(ip)s)
"""
_REHASH = "UPDATE users SET password = %s WHERE id = %s AND password = %s"
# The clock is read when the row is locked, so that a later change always has a later time.
_UPDATE_USER = f"""
    UPDATE users SET
        name = CASE WHEN %(set_name)s THEN %(name)s::text ELSE name END,
        email = coalesce(%(email)s::text, email),
        email_verified_at = CASE
            WHEN lower(%(email)s::text) <> lower(email) THEN NULL ELSE email_verified_at END,
        updated_at = clock_timestamp()
    WHERE id = %(id)s RETURNING {_COLUMNS}
"""  # noqa: S608
_CLAIM = """
    INSERT INTO processed_messages (topic, message_id) VALUES (%s, %s)
    ON CONFLICT DO NOTHING RETURNING true
"""
_KEEP = """
    UPDATE processed_messages SET reply = %s::jsonb, refusal = %s::jsonb
    WHERE topic = %s AND message_id = %s
"""
_KEPT = """
    SELECT reply::text, refusal::text FROM processed_messages
    WHERE topic = %s AND message_id = %s
"""


def open_pool(database_url: str, *, size: int, timeout_s: float) -> Pool:
    """Connections to PostgreSQL, opened as they are needed.

    Each is checked before use: while an execution environment is frozen, its sockets may die.
    Prepared statements are off: they pin a connection of RDS Proxy to one client.
    """
    return ConnectionPool(
        database_url,
        connection_class=Connection[DictRow],
        kwargs={
            "autocommit": True,
            "row_factory": dict_row,
            "prepare_threshold": None,
            "connect_timeout": max(2, int(timeout_s)),
            "application_name": "user",
        },
        min_size=1,
        max_size=size,
        timeout=timeout_s,
        reconnect_timeout=timeout_s,
        check=ConnectionPool.check_connection,
        open=True,
    )


class Repository:
    """What is stored; every method is a transaction of its own."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def user(self, id: str) -> User | None:  # noqa: A002 - the column's name
        """The user with this id."""
        with self._pool.connection() as connection:
            row = connection.execute(_FIND, (id,)).fetchone()
        return User(**row) if row else None

    def credentials(self, email: str) -> Credentials | None:
        """The user with this e-mail, however it is spelled, and the password's hash."""
        with self._pool.connection() as connection:
            row = connection.execute(_CREDENTIALS, (email,)).fetchone()
        if row is None:
            return None
        password = row.pop("password")
        return Credentials(User(**row), password)

    def once(self, name: MessageName, change: Callable[[Transaction], User]) -> User:
        """Carry out a change and keep its outcome in the same transaction.

        A second delivery finds the name claimed and is given the first one's outcome; while the
        first is still at work, it waits for it.

        Raises:
            Refusal: what ``change`` refused with, now or the first time; nothing it did is kept.
        """
        with self._pool.connection() as connection, connection.transaction():
            if connection.execute(_CLAIM, (name.topic, name.id)).fetchone() is None:
                outcome = _kept(connection, name)
            else:
                outcome = _carry_out(connection, change)
                _keep(connection, name, outcome)
        if isinstance(outcome, Refusal):
            raise outcome
        return outcome


class Transaction:
    """One change to what is stored: all of it or nothing."""

    def __init__(self, connection: Connection[DictRow]) -> None:
        self._connection = connection

    def add_user(self, id: str, email: str, password_hash: str, name: str | None) -> User | None:  # noqa: A002
        """A new user; None when the e-mail is taken."""
        row = self._connection.execute(_ADD_USER, (id, email, password_hash, name)).fetchone()
        return User(**row) if row else None

    def add_session(self, user_id: str, session: NewSession) -> None:
        """A new session, the first of its family."""
        self._connection.execute(
            _ADD_SESSION,
            {
                "id": session.id,
                "user_id": user_id,
                "hash": session.refresh_token_hash,
                "expires_at": session.expires_at,
                "user_agent": session.user_agent,
                "ip": session.ip,
            },
        )

    def replace_password(self, credentials: Credentials, password_hash: str) -> None:
        """Another hash of the same password, unless the password has changed meanwhile."""
        self._connection.execute(
            _REHASH, (password_hash, credentials.user.id, credentials.password_hash)
        )

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
            row = self._connection.execute(_UPDATE_USER, given).fetchone()
        except UniqueViolation:
            raise EmailTaken from None
        return User(**row) if row else None


def _carry_out(
    connection: Connection[DictRow], change: Callable[[Transaction], User]
) -> User | Refusal:
    try:
        with connection.transaction():  # a savepoint: a refusal undoes the change, not the claim
            return change(Transaction(connection))
    except Refusal as refusal:
        return refusal


def _keep(connection: Connection[DictRow], name: MessageName, outcome: User | Refusal) -> None:
    reply = encode(outcome).decode() if isinstance(outcome, User) else None
    refusal = encode_refusal(outcome).decode() if isinstance(outcome, Refusal) else None
    connection.execute(_KEEP, (reply, refusal, name.topic, name.id))


def _kept(connection: Connection[DictRow], name: MessageName) -> User | Refusal:
    row = connection.execute(_KEPT, (name.topic, name.id)).fetchone()
    if row is None:
        raise LookupError(f"the outcome of {name} has been cleared away")
    if row["refusal"] is not None:
        return decode_refusal(row["refusal"].encode())
    return decode(User, row["reply"].encode())
