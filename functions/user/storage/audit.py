"""The table of the audit trail: a trigger refuses to change or delete its rows."""

from __future__ import annotations

import msgspec
from psycopg import Connection
from psycopg.rows import DictRow

from shared.contract.account_commands import AuditView
from user.accounts.model import AuditEvent

_ADD = """
    INSERT INTO audit_events (kind, user_id, session, user_agent, ip, detail, request_id)
    VALUES (%(kind)s, %(user_id)s, %(session)s, %(user_agent)s, %(ip)s, %(detail)s, %(request_id)s)
"""
_OF_USER = """
    SELECT at, kind, session, user_agent, ip FROM audit_events
    WHERE user_id = %s ORDER BY id DESC LIMIT 1000
"""


class PostgresAuditTrail:
    """The audit trail in PostgreSQL.

    Attributes:
        added: the events that were added; they are logged once the transaction has committed.
    """

    def __init__(self, connection: Connection[DictRow], request_id: str | None = None) -> None:
        self._connection = connection
        self._request_id = request_id
        self.added: list[AuditEvent] = []

    def add(self, event: AuditEvent) -> None:
        """Add an event."""
        self.added.append(event)
        given = {**msgspec.structs.asdict(event), "request_id": self._request_id}
        self._connection.execute(_ADD, given)

    def of_user(self, user_id: str) -> tuple[AuditView, ...]:
        """Return the user's events, the newest first, 1,000 at most."""
        rows = self._connection.execute(_OF_USER, (user_id,)).fetchall()
        return tuple(AuditView(**row) for row in rows)
