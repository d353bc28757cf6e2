"""What is stored, in transactions: one for each command."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

import msgspec
from psycopg import Connection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool

from shared.contract.errors import Refusal
from shared.contract.messages import Message, User
from user.accounts.model import AuditEvent, CommandId, Credentials, Event
from user.storage import users
from user.storage.audit import Audit
from user.storage.processed_messages import (
    Outcome,
    ProcessedMessages,
    claim,
    keep,
    kept,
    pending_events,
)
from user.storage.second_factors import SecondFactors
from user.storage.sessions import Sessions
from user.storage.tokens import Tokens
from user.storage.users import Users

log = logging.getLogger(__name__)

Pool = ConnectionPool[Connection[DictRow]]
Publish = Callable[[CommandId, tuple[Event, ...]], None]
_M = TypeVar("_M", bound=Message)
_T = TypeVar("_T")


def open_pool(database_url: str | Callable[[], str], *, size: int, timeout_s: float) -> Pool:
    """Connections to PostgreSQL, opened as they are needed.

    Where the URL is a function, each connection asks it: a password may be short-lived.

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


class Transaction(Users, Sessions, Tokens, SecondFactors, Audit, ProcessedMessages):
    """One change to what is stored: all of it or nothing.

    Attributes:
        events: what is to be sent because of it.
        audited: what it added to the audit trail.
        owner: whose the answer is, where the answer does not say so itself.
    """

    def __init__(self, connection: Connection[DictRow], request_id: str | None = None) -> None:
        self._connection = connection
        self.request_id = request_id
        self.events: list[Event] = []
        self.audited: list[AuditEvent] = []
        self.owner: str | None = None

    def lock_user(self, user_id: str) -> Credentials | None:
        """The user; until the end, no other transaction changes them, their sessions or tokens."""
        self.owner = user_id
        return super().lock_user(user_id)

    def send(self, event: Event) -> None:
        """Send this once the transaction has ended well, and again at every later delivery."""
        self.events.append(event)


class UnitOfWork:
    """What is stored; every method is a transaction of its own.

    Args:
        publish: publishes the events of a command; returns when they are safe.
    """

    def __init__(self, pool: Pool, publish: Publish) -> None:
        self._pool = pool
        self._publish = publish

    def user(self, user_id: str, session: str | None = None) -> User | None:
        """The user with this id, and, when a session is given, signed in with it."""
        with self._pool.connection() as connection:
            return users.find(connection, user_id, session)

    def credentials(self, email: str) -> Credentials | None:
        """The user with this e-mail, however it is spelled, and the password's hash."""
        with self._pool.connection() as connection:
            return users.credentials(connection, email)

    def credentials_of(self, user_id: str) -> Credentials | None:
        """The user with this id, and the password's hash."""
        with self._pool.connection() as connection:
            return users.credentials_of(connection, user_id)

    def read(self, question: Callable[[Transaction], _T]) -> _T:
        """Look at several things as they were at one moment."""
        with self._pool.connection() as connection, connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            return question(Transaction(connection))

    def run_once(
        self, command_id: CommandId, change: Callable[[Transaction], _M | Refusal], kind: type[_M]
    ) -> _M:
        """Carry out a change and keep its outcome in the same transaction.

        A second delivery finds the name claimed and is given the first one's outcome; while the
        first is still at work, it waits for it. What the change wants sent is sent after it, at
        every delivery: so a crash in between loses nothing.

        Args:
            change: returns the reply. A refusal that it raises undoes all it did; a refusal that
                it returns does not.
            kind: of the reply.

        Raises:
            Refusal: what ``change`` refused with, now or the first time.
            Unavailable: the events could not be sent; the record has to be delivered again.
        """
        audited: list[AuditEvent] = []
        with self._pool.connection() as connection, connection.transaction():
            if claim(connection, command_id):
                outcome: Outcome[_M] = _carry_out(connection, change, command_id, audited)
                keep(connection, command_id, outcome)
            else:
                outcome = kept(connection, command_id, kind)
        for event in audited:
            log.info("audit", extra={"audit": msgspec.to_builtins(event)})
        if outcome.events:
            self._publish(command_id, outcome.events)
        if isinstance(outcome.answer, Refusal):
            raise outcome.answer
        return outcome.answer

    def publish_again(self, command_id: CommandId) -> None:
        """Send what a command wants sent, if it was carried out: a crash may have come between.

        Raises:
            Unavailable: the events could not be sent.
        """
        with self._pool.connection() as connection:
            events = pending_events(connection, command_id)
        if events:
            self._publish(command_id, events)


def _carry_out(
    connection: Connection[DictRow],
    change: Callable[[Transaction], _M | Refusal],
    command_id: CommandId,
    audited: list[AuditEvent],
) -> Outcome[_M]:
    transaction = Transaction(connection, command_id.envelope.request_id)
    try:
        with connection.transaction():  # a savepoint: a refusal undoes the change, not the claim
            answer = change(transaction)
    except Refusal as refusal:
        return Outcome(refusal)
    audited.extend(transaction.audited)
    return Outcome(answer, tuple(transaction.events), transaction.owner)
