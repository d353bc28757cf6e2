"""The export of all data of a user (GDPR, articles 15 and 20)."""

from __future__ import annotations

from shared.contract.account_commands import Export, ExportUser, SessionsRevoked
from shared.contract.errors import SessionEnded
from user.accounts.audit_events import own_event
from user.accounts.model import CommandId
from user.accounts.ports import Store, Transaction
from user.accounts.sessions import require_signed_in


class ExportService:
    """Exports the data of a user."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def export(self, query: ExportUser, command_id: CommandId) -> Export:
        """Return all data of a user, and note that in the audit trail.

        Raises:
            SessionEnded: the command's session is not active.
        """

        def note(tx: Transaction) -> SessionsRevoked:
            require_signed_in(tx, query)
            tx.audit.add(own_event("data-exported", query))
            return SessionsRevoked()

        def look(tx: Transaction) -> Export:
            found = tx.users.by_id(query.id)
            if found is None:
                raise SessionEnded
            factor = tx.second_factors.find(query.id)
            return Export(
                user=found.user,
                second_factor_since=factor.confirmed_at if factor else None,
                sessions=tx.sessions.active(query.id),
                events=tx.audit.of_user(query.id),
            )

        self._store.run_once(command_id, note, SessionsRevoked)
        return self._store.snapshot(look)  # apart, so that none of it is kept with the outcome
