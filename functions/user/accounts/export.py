"""All that is kept about a person, for them to take along (GDPR, articles 15 and 20)."""

from __future__ import annotations

from shared.contract.account_commands import Export, ExportUser, SessionsRevoked
from shared.contract.errors import SessionEnded
from user.accounts.audit_events import own_event
from user.accounts.model import CommandId
from user.accounts.ports import Store, Transaction
from user.accounts.sessions import require_signed_in


class ExportService:
    """Exports."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def export(self, query: ExportUser, command_id: CommandId) -> Export:
        """All that is kept about a person.

        Raises:
            SessionEnded: whoever asks is not signed in any more.
        """

        def note(transaction: Transaction) -> SessionsRevoked:
            require_signed_in(transaction, query)
            transaction.audit(own_event("data-exported", query))
            return SessionsRevoked()

        def look(transaction: Transaction) -> Export:
            found = transaction.credentials_of(query.id)
            if found is None:
                raise SessionEnded
            factor = transaction.second_factor(query.id)
            return Export(
                user=found.user,
                second_factor_since=factor.confirmed_at if factor else None,
                sessions=transaction.living_sessions(query.id),
                events=transaction.audit_of(query.id),
            )

        self._store.run_once(command_id, note, SessionsRevoked)
        return self._store.read(look)  # apart, so that none of it is kept with the outcome
