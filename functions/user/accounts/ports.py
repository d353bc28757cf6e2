"""What the use cases need of storage: one protocol for each table, and a transaction over all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, TypeVar

from shared.contract.account_commands import AuditView, SessionView
from shared.contract.errors import Refusal
from shared.contract.messages import Message, NewSession, NewToken, RegisterUser, UpdateUser, User
from user.accounts.model import (
    AuditEvent,
    CommandId,
    Credentials,
    Event,
    Purpose,
    StoredFactor,
    StoredSession,
    StoredToken,
)

M = TypeVar("M", bound=Message)
T = TypeVar("T")


class UserTable(Protocol):
    """Users and their password hashes."""

    def by_id(self, user_id: str) -> Credentials | None:
        """Return the user with this id."""

    def by_email(self, email: str) -> Credentials | None:
        """Return the user with this e-mail, in any case of letters."""

    def signed_in(self, user_id: str, session: str) -> User | None:
        """Return the user, if this session of theirs is active."""

    def lock(self, user_id: str) -> Credentials | None:
        """Lock the user's row until the transaction ends, and return the user.

        Each change to a user's sessions and tokens locks this row first, so that they happen one
        after the other.
        """

    def add(self, user_id: str, command: RegisterUser, password_hash: str) -> User | None:
        """Add a user; return None when the e-mail is taken."""

    def update(self, command: UpdateUser) -> User | None:
        """Change the members that the command gives; return the user, or None if there is none.

        Raises:
            EmailTaken: another user has the new e-mail.
        """

    def set_password(self, user_id: str, password_hash: str) -> None:
        """Store the hash of a new password."""

    def renew_hash(self, checked: Credentials, password_hash: str) -> None:
        """Store another hash of the same password, unless the password has changed since."""

    def prove_email(self, user_id: str, email: str) -> User | None:
        """Make this the user's verified e-mail; return the user, or None if there is none.

        Raises:
            EmailTaken: another user has it.
        """

    def delete(self, user_id: str) -> None:
        """Delete a user with their sessions, tokens and second factor."""


class SessionTable(Protocol):
    """Refresh tokens; those of one login are a session."""

    def add(self, user_id: str, session: NewSession) -> None:
        """Add a session with its first refresh token."""

    def add_successor(self, spent: StoredSession, successor: NewSession) -> None:
        """Add the next refresh token of a session."""

    def by_token(self, token_hash: str) -> StoredSession | None:
        """Return the refresh token with this hash, active or not."""

    def spend(self, token_hash: str) -> None:
        """Mark a refresh token as used for its successor."""

    def revoke(
        self, user_id: str, *, only: str | None = None, but: str | None = None
    ) -> tuple[str, ...]:
        """Revoke sessions of a user; return the ids that were active.

        Args:
            only: the one session to revoke.
            but: the one session to keep. With neither, all are revoked.
        """

    def is_active(self, user_id: str, session: str) -> bool:
        """Return whether the user is signed in with this session."""

    def began_within(self, user_id: str, session: str, seconds: int) -> bool:
        """Return whether the login of this active session is at most so many seconds old."""

    def active(self, user_id: str) -> tuple[SessionView, ...]:
        """Return the user's active sessions, the last used first."""


class TokenTable(Protocol):
    """One-time tokens: for a reset, a verification, a challenge."""

    def add(
        self, purpose: Purpose, user_id: str, token: NewToken, email: str | None = None
    ) -> None:
        """Add a token; it is good until it expires.

        Args:
            email: the address that the token proves.
        """

    def find(self, purpose: Purpose, token_hash: str) -> StoredToken | None:
        """Return a token that is still good."""

    def delete(self, token_hash: str) -> None:
        """Invalidate a token that was used."""

    def count_attempt(self, token_hash: str) -> None:
        """Count a wrong answer to a challenge."""

    def delete_all(self, user_id: str, *purposes: Purpose) -> None:
        """Invalidate the user's tokens of these purposes."""


class SecondFactorTable(Protocol):
    """Second factors and recovery codes."""

    def find(self, user_id: str) -> StoredFactor | None:
        """Return the user's second factor, confirmed or not."""

    def enrol(self, user_id: str, sealed: str) -> None:
        """Store a secret that is not confirmed yet, in place of another such secret."""

    def confirm(self, user_id: str, step: int, code_hashes: Sequence[str]) -> None:
        """Turn the second factor on, with these hashes of recovery codes."""

    def accept_code(self, user_id: str, step: int, sealed: str) -> None:
        """Mark the code of this time step as used, and store the secret as it is given."""

    def refuse_code(self, user_id: str, wait_s: int) -> None:
        """Count a wrong code; no code is checked for so many seconds."""

    def remove(self, user_id: str) -> None:
        """Delete the second factor and its recovery codes."""

    def replace_recovery_codes(self, user_id: str, code_hashes: Sequence[str]) -> None:
        """Replace all recovery codes with these hashes."""

    def use_recovery_code(self, user_id: str, code_hash: str) -> bool:
        """Delete a recovery code; return whether there was one with this hash."""


class AuditTrail(Protocol):
    """A record of security events that only grows."""

    def add(self, event: AuditEvent) -> None:
        """Add an event."""

    def of_user(self, user_id: str) -> tuple[AuditView, ...]:
        """Return the user's events, the newest first, 1,000 at most."""


class StoredReplies(Protocol):
    """The replies that are kept for a second delivery of a command."""

    def erase(self, user_id: str) -> None:
        """Erase all data of a user from stored replies."""


class Transaction(NamedTuple):
    """One change to what is stored: all of it or nothing.

    Attributes:
        events: to be published once the transaction has committed.
    """

    users: UserTable
    sessions: SessionTable
    tokens: TokenTable
    second_factors: SecondFactorTable
    audit: AuditTrail
    replies: StoredReplies
    events: list[Event]


class Store(Protocol):
    """Runs reads and changes, each in a transaction of its own."""

    def read(self, query: Callable[[Transaction], T]) -> T:
        """Return the result of one look-up."""

    def snapshot(self, query: Callable[[Transaction], T]) -> T:
        """Return the result of several look-ups, all of the same moment."""

    def run_once(
        self, command_id: CommandId, change: Callable[[Transaction], M | Refusal], kind: type[M]
    ) -> M:
        """Carry out a command's change, or return the stored reply if that was done before.

        Args:
            change: returns the reply. A refusal that it raises rolls its changes back; a refusal
                that it returns does not.
            kind: the type of the reply.

        Raises:
            Refusal: ``change`` refused, now or the first time.
        """
        ...
