"""The rules of sessions: refresh tokens that are used once, and signing out.

RFC 9700 (OAuth 2.0 Security Best Current Practice), section 4.14.2: a refresh token is replaced
at each use, and a second use of a spent one ends the whole family, since one of its two users has
stolen it.
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
    """Refresh, list, end.

    Args:
        grace_s: for so long, the client that lost a race, or the answer, is given the same
            successor again, unless that was used already.
        longest_s: after this a login has to be done again, however often it was refreshed.
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
            Nobody, and what was ended, when the token had been spent before.

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
        """Where a person is signed in.

        Raises:
            SessionEnded: whoever asks is not.
        """

        def look(tx: Transaction) -> SessionList:
            if not tx.sessions.is_active(query.id, query.session):
                raise SessionEnded
            return SessionList(sessions=tx.sessions.active(query.id))

        return self._store.snapshot(look)

    def end(self, command: EndSessions, command_id: CommandId) -> SessionsRevoked:
        """Sign out of one session or of all.

        Raises:
            SessionEnded: whoever asks is not signed in any more.
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
        """A spent token has come again: an honest client that raced, or a thief."""
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
    """Whoever asks, locked until the end.

    Raises:
        SessionEnded: not signed in any more.
    """
    found = tx.users.lock(command.id)
    if found is None or not tx.sessions.is_active(command.id, command.session):
        raise SessionEnded
    return found.user


def _locked(tx: Transaction, refresh_token_hash: str) -> tuple[User, StoredSession]:
    """A living token and its owner, read again once nobody else can change them."""
    seen = tx.sessions.by_token(refresh_token_hash)
    owner = tx.users.lock(seen.user_id) if seen else None
    token = tx.sessions.by_token(refresh_token_hash)
    if owner is None or token is None or not token.active:
        raise SessionEnded
    return owner.user, token


def _end_of_token(tx: Transaction, command: EndSessions) -> tuple[str, ...]:
    """A client may name its session by its refresh token too; another person's is not touched."""
    if command.refresh_token_hash is None:
        return ()
    token = tx.sessions.by_token(command.refresh_token_hash)
    if token is None or token.user_id != command.id:
        return ()
    return tx.sessions.revoke(command.id, only=token.family)
