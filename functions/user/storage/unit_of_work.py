"""The unit of work: one transaction of PostgreSQL for each command."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

import msgspec
from psycopg import Connection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool

from shared.contract.errors import Refusal
from shared.contract.messages import Message
from user.accounts.model import AuditEvent, CommandId, Event
from user.accounts.ports import Transaction
from user.storage.audit import PostgresAuditTrail
from user.storage.processed_messages import Outcome, ProcessedMessages
from user.storage.second_factors import PostgresSecondFactors
from user.storage.sessions import PostgresSessions
from user.storage.tokens import PostgresTokens
from user.storage.users import PostgresUsers

log = logging.getLogger(__name__)

Pool = ConnectionPool[Connection[DictRow]]
Publish = Callable[[CommandId, tuple[Event, ...]], None]
_M = TypeVar("_M", bound=Message)
_T = TypeVar("_T")


def open_pool(database_url: str | Callable[[], str], *, size: int, timeout_s: float) -> Pool:
    """Return a pool of connections to PostgreSQL, opened as they are needed.

    A connection is checked before use: while an execution environment is frozen, its sockets may
    die. Prepared statements are off: they pin a connection of RDS Proxy to one client.

    Args:
        database_url: libpq URL. A function is called for each connection, since a password may be
            short-lived.
        size: the most connections.
        timeout_s: how long a caller waits for a connection.
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


class UnitOfWork:
    """Runs reads and changes, each in a transaction of its own.

    Args:
        publish: publishes the events of a command; returns when they are safe.
    """

    def __init__(self, pool: Pool, publish: Publish) -> None:
        self._pool = pool
        self._publish = publish

    def read(self, query: Callable[[Transaction], _T]) -> _T:
        """Return the result of one look-up, without the round trips of a transaction."""
        with self._pool.connection() as connection:
            return query(_transaction(connection))

    def snapshot(self, query: Callable[[Transaction], _T]) -> _T:
        """Return the result of several look-ups, all of the same moment."""
        with self._pool.connection() as connection, connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            return query(_transaction(connection))

    def run_once(
        self, command_id: CommandId, change: Callable[[Transaction], _M | Refusal], kind: type[_M]
    ) -> _M:
        """Carry out a change and store its outcome in the same transaction.

        A second delivery finds the command claimed and returns the first one's outcome; while the
        first is still at work, it waits. The events are published after the transaction, at every
        delivery: so a crash in between loses none.

        Args:
            change: returns the reply. A refusal that it raises rolls its changes back; a refusal
                that it returns does not.
            kind: the type of the reply.

        Raises:
            Refusal: ``change`` refused, now or the first time.
            Unavailable: the events could not be published; the record has to be delivered again.
        """
        audited: list[AuditEvent] = []
        with self._pool.connection() as connection, connection.transaction():
            processed = ProcessedMessages(connection)
            if processed.claim(command_id):
                outcome: Outcome[_M]
                outcome, audited = _carry_out(connection, change, command_id)
                processed.store(command_id, outcome)
            else:
                outcome = processed.load(command_id, kind)
        for event in audited:
            log.info("audit", extra={"audit": msgspec.to_builtins(event)})
        if outcome.events:
            self._publish(command_id, outcome.events)
        if isinstance(outcome.answer, Refusal):
            raise outcome.answer
        return outcome.answer

    def publish_again(self, command_id: CommandId) -> None:
        """Publish the events of a command that was carried out; a crash may have prevented it.

        Raises:
            Unavailable: the events could not be published.
        """
        with self._pool.connection() as connection:
            events = ProcessedMessages(connection).pending_events(command_id)
        if events:
            self._publish(command_id, events)


def _carry_out(
    connection: Connection[DictRow],
    change: Callable[[Transaction], _M | Refusal],
    command_id: CommandId,
) -> tuple[Outcome[_M], list[AuditEvent]]:
    users = PostgresUsers(connection)
    audit = PostgresAuditTrail(connection, command_id.envelope.request_id)
    tx = _transaction(connection)._replace(users=users, audit=audit)
    try:
        with connection.transaction():  # a savepoint: a refusal undoes the change, not the claim
            answer = change(tx)
    except Refusal as refusal:
        return Outcome(refusal), []
    return Outcome(answer, tuple(tx.events), users.locked), audit.added


def _transaction(connection: Connection[DictRow]) -> Transaction:
    return Transaction(
        users=PostgresUsers(connection),
        sessions=PostgresSessions(connection),
        tokens=PostgresTokens(connection),
        second_factors=PostgresSecondFactors(connection),
        audit=PostgresAuditTrail(connection),
        replies=ProcessedMessages(connection),
        events=[],
    )
