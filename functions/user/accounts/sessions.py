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

        def change(transaction: Transaction) -> SessionResult:
            owner, token = _locked(transaction, command.refresh_token_hash)
            if self._now() > token.signed_in_at + self._longest:
                raise SessionEnded
            if token.used_at is None:
                transaction.spend(command.refresh_token_hash)
                transaction.add_successor(token, command.successor)
                return SessionResult(user=owner, session=token.family)
            return self._again(transaction, command, owner, token)

        return self._store.run_once(command_id, change, SessionResult)

    def list(self, query: ListSessions) -> SessionList:
        """Where a person is signed in.

        Raises:
            SessionEnded: whoever asks is not.
        """

        def look(transaction: Transaction) -> SessionList:
            if not transaction.session_lives(query.id, query.session):
                raise SessionEnded
            return SessionList(sessions=transaction.living_sessions(query.id))

        return self._store.read(look)

    def end(self, command: EndSessions, command_id: CommandId) -> SessionsRevoked:
        """Sign out of one session or of all.

        Raises:
            SessionEnded: whoever asks is not signed in any more.
            Refusal: there is no such session.
        """

        def change(transaction: Transaction) -> SessionsRevoked:
            require_signed_in(transaction, command)
            ended = transaction.end_sessions(command.id, only=command.which)
            if command.which is not None and not ended:
                raise Refusal("There is no such session.", code="session-not-found", status=404)
            ended += _end_of_token(transaction, command)
            transaction.audit(own_event("signed-out", command))
            return SessionsRevoked(ended=tuple(dict.fromkeys(ended)))

        return self._store.run_once(command_id, change, SessionsRevoked)

    def _again(
        self, transaction: Transaction, command: Refresh, owner: User, token: StoredSession
    ) -> SessionResult:
        """A spent token has come again: an honest client that raced, or a thief."""
        soon = token.used_at is not None and self._now() <= token.used_at + self._grace
        successor = transaction.session_of_token(command.successor.refresh_token_hash)
        unused = successor is not None and successor.used_at is None
        if soon and successor is not None and unused and successor.family == token.family:
            return SessionResult(user=owner, session=token.family)
        if soon and successor is None:
            # Two gateways that derive successors with different keys, in a rotation of keys.
            raise SessionEnded
        ended = transaction.end_sessions(owner.id, only=token.family)
        device = command.successor
        transaction.audit(
            AuditEvent(
                kind="refresh-token-reused",
                user_id=owner.id,
                session=token.family,
                user_agent=device.user_agent,
                ip=device.ip,
            )
        )
        transaction.send(notices.notice(owner, notices.REFRESH_REUSED))
        return SessionResult(ended=ended)


def require_signed_in(transaction: Transaction, command: OwnAction) -> User:
    """Whoever asks, locked until the end.

    Raises:
        SessionEnded: not signed in any more.
    """
    found = transaction.lock_user(command.id)
    if found is None or not transaction.session_lives(command.id, command.session):
        raise SessionEnded
    return found.user


def _locked(transaction: Transaction, refresh_token_hash: str) -> tuple[User, StoredSession]:
    """A living token and its owner, read again once nobody else can change them."""
    seen = transaction.session_of_token(refresh_token_hash)
    owner = transaction.lock_user(seen.user_id) if seen else None
    token = transaction.session_of_token(refresh_token_hash)
    if owner is None or token is None or not token.living:
        raise SessionEnded
    return owner.user, token


def _end_of_token(transaction: Transaction, command: EndSessions) -> tuple[str, ...]:
    """A client may name its session by its refresh token too; another person's is not touched."""
    if command.refresh_token_hash is None:
        return ()
    token = transaction.session_of_token(command.refresh_token_hash)
    if token is None or token.user_id != command.id:
        return ()
    return transaction.end_sessions(command.id, only=token.family)
