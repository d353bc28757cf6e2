"""The audit trail: a table that only grows; a trigger refuses to change or delete its rows."""

from __future__ import annotations

from psycopg import Connection
from psycopg.rows import DictRow

from shared.contract.account_commands import AuditView
from user.accounts.model import AuditEvent

_ADD = """
    INSERT INTO audit_events (kind, user_id, session, user_agent, ip, detail, request_id)
    VALUES (%s, %s, %s, %s, %s, %s, %s)
"""
_OF_USER = """
    SELECT at, kind, session, user_agent, ip FROM audit_events
    WHERE user_id = %s ORDER BY id DESC LIMIT 1000
"""


class Audit:
    """Additions to the audit trail."""

    _connection: Connection[DictRow]
    request_id: str | None
    audited: list[AuditEvent]

    def audit(self, event: AuditEvent) -> None:
        """Add a line; it is logged too, once the transaction has ended well."""
        self.audited.append(event)
        self._connection.execute(
            _ADD,
            (
                event.kind,
                event.user_id,
                event.session,
                event.user_agent,
                event.ip,
                event.detail,
                self.request_id,
            ),
        )

    def audit_of(self, user_id: str) -> tuple[AuditView, ...]:
        """What is known of a person, the newest first, no more than 1,000."""
        rows = self._connection.execute(_OF_USER, (user_id,)).fetchall()
        return tuple(AuditView(**row) for row in rows)
