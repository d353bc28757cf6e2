"""Sessions: refresh tokens that are used once, and signing out.

RFC 9700 (OAuth 2.0 Security Best Current Practice), section 4.14.2: a refresh token is replaced
at each use. A second use of a spent one revokes the whole family, since one of the two clients
that used it has stolen it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from shared.contract.account_commands import (
    EndSessions,
    ListSessions,
    OwnAction,
    Refresh,
    SessionList,
    SessionResult,
    SessionsRevoked,
)
from shared.contract.errors import Refusal, SessionEnded
from shared.contract.messages import User
from user.accounts import notices
from user.accounts.audit_events import own_event
from user.accounts.model import AuditEvent, CommandId, StoredSession
from user.accounts.ports import Store, Transaction


class SessionService:
    """Refreshes, lists and ends sessions.

    Args:
        grace_s: seconds in which a spent token is answered with the same successor again, if that
            is unused. A client may have lost a race, or the answer.
        longest_s: seconds from a login to the end of its session, however often it is refreshed.
        now: the time.
    """

    def __init__(
        self,
        store: Store,
        *,
        grace_s: int,
        longest_s: int,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._grace = timedelta(seconds=grace_s)
        self._longest = timedelta(seconds=longest_s)
        self._now = now

    def refresh(self, command: Refresh, command_id: CommandId) -> SessionResult:
        """Spend a refresh token for its successor.

        Returns:
            The session, or the sessions revoked because a spent token came back.

        Raises:
            SessionEnded: the token is not known, revoked, or too old.
        """

        def change(tx: Transaction) -> SessionResult:
            owner, token = _locked(tx, command.refresh_token_hash)
            if self._now() > token.signed_in_at + self._longest:
                raise SessionEnded
            if token.used_at is None:
                tx.sessions.spend(command.refresh_token_hash)
                tx.sessions.add_successor(token, command.successor)
                return SessionResult(user=owner, session=token.family)
            return self._again(tx, command, owner, token)

        return self._store.run_once(command_id, change, SessionResult)

    def list(self, query: ListSessions) -> SessionList:
        """Return the sessions that a user is signed in with.

        Raises:
            SessionEnded: the query's session is not active.
        """

        def look(tx: Transaction) -> SessionList:
            if not tx.sessions.is_active(query.id, query.session):
                raise SessionEnded
            return SessionList(sessions=tx.sessions.active(query.id))

        return self._store.snapshot(look)

    def end(self, command: EndSessions, command_id: CommandId) -> SessionsRevoked:
        """Sign out of one session or of all.

        Raises:
            SessionEnded: the command's session is not active.
            Refusal: there is no such session.
        """

        def change(tx: Transaction) -> SessionsRevoked:
            require_signed_in(tx, command)
            ended = tx.sessions.revoke(command.id, only=command.which)
            if command.which is not None and not ended:
                raise Refusal("There is no such session.", code="session-not-found", status=404)
            ended += _end_of_token(tx, command)
            tx.audit.add(own_event("signed-out", command))
            return SessionsRevoked(ended=tuple(dict.fromkeys(ended)))

        return self._store.run_once(command_id, change, SessionsRevoked)

    def _again(
        self, tx: Transaction, command: Refresh, owner: User, token: StoredSession
    ) -> SessionResult:
        """Answer a spent token that came back: an honest client raced, or a thief came."""
        soon = token.used_at is not None and self._now() <= token.used_at + self._grace
        successor = tx.sessions.by_token(command.successor.refresh_token_hash)
        unused = successor is not None and successor.used_at is None
        if soon and successor is not None and unused and successor.family == token.family:
            return SessionResult(user=owner, session=token.family)
        if soon and successor is None:
            # Two gateways that derive successors with different keys, in a rotation of keys.
            raise SessionEnded
        ended = tx.sessions.revoke(owner.id, only=token.family)
        device = command.successor
        tx.audit.add(
            AuditEvent(
                kind="refresh-token-reused",
                user_id=owner.id,
                session=token.family,
                user_agent=device.user_agent,
                ip=device.ip,
            )
        )
        tx.events.append(notices.notice(owner, notices.REFRESH_REUSED))
        return SessionResult(ended=ended)


def require_signed_in(tx: Transaction, command: OwnAction) -> User:
    """Lock the calling user's row and return the user.

    Raises:
        SessionEnded: the command's session is not active.
    """
    found = tx.users.lock(command.id)
    if found is None or not tx.sessions.is_active(command.id, command.session):
        raise SessionEnded
    return found.user


def _locked(tx: Transaction, refresh_token_hash: str) -> tuple[User, StoredSession]:
    """Lock the owner of a refresh token; return both, the token read again after the lock."""
    seen = tx.sessions.by_token(refresh_token_hash)
    owner = tx.users.lock(seen.user_id) if seen else None
    token = tx.sessions.by_token(refresh_token_hash)
    if owner is None or token is None or not token.active:
        raise SessionEnded
    return owner.user, token


def _end_of_token(tx: Transaction, command: EndSessions) -> tuple[str, ...]:
    """Revoke the session that a refresh token names, unless it is another user's."""
    if command.refresh_token_hash is None:
        return ()
    token = tx.sessions.by_token(command.refresh_token_hash)
    if token is None or token.user_id != command.id:
        return ()
    return tx.sessions.revoke(command.id, only=token.family)
