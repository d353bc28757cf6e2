"""What the rules need of storage and hashing, in small parts; each subject asks for its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from shared.contract.account_commands import AuditView, SessionView
from shared.contract.errors import Refusal
from shared.contract.messages import Message, NewSession, NewToken, Sealed, Secret, UpdateUser, User
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
Tx_contra = TypeVar("Tx_contra", contravariant=True)
Tx = TypeVar("Tx", covariant=True)


class Journal(Protocol):
    """What a change says of itself."""

    def audit(self, event: AuditEvent) -> None:
        """Add a line to the audit trail."""

    def send(self, event: Event) -> None:
        """Send this once the change is safe."""


class UserTable(Protocol):
    """Users."""

    def credentials(self, email: str) -> Credentials | None:
        """The user with this e-mail, however it is spelled."""

    def credentials_of(self, user_id: str) -> Credentials | None:
        """The user with this id."""

    def lock_user(self, user_id: str) -> Credentials | None:
        """The user; nobody else changes them, their sessions or tokens until the end."""

    def add_user(
        self, user_id: str, email: str, password_hash: str, name: str | None
    ) -> User | None:
        """A new user; None when the e-mail is taken."""

    def replace_password(self, credentials: Credentials, password_hash: str) -> None:
        """Another hash of the same password, unless the password has changed meanwhile."""

    def set_password(self, user_id: str, password_hash: str) -> None:
        """Another password."""

    def update_user(self, change: UpdateUser) -> User | None:
        """The user after the change; None when there is none. Raises EmailTaken."""

    def prove_email(self, user_id: str, email: str) -> User | None:
        """The user, whose verified address this is now. Raises EmailTaken."""

    def delete_user(self, user_id: str) -> None:
        """Delete a user and all that is theirs."""


class SessionTable(Protocol):
    """Sessions."""

    def add_session(self, user_id: str, session: NewSession) -> None:
        """A new session, the first of its family."""

    def add_successor(self, spent: StoredSession, successor: NewSession) -> None:
        """The next refresh token of a family."""

    def session_of_token(self, refresh_token_hash: str) -> StoredSession | None:
        """Whose refresh token this is, or was."""

    def spend(self, refresh_token_hash: str) -> None:
        """The token has been used for its successor."""

    def end_sessions(
        self, user_id: str, *, only: str | None = None, but: str | None = None
    ) -> tuple[str, ...]:
        """Revoke one session, all but one, or all; those that lived until now."""

    def session_lives(self, user_id: str, session: str) -> bool:
        """Whether a person is signed in with this session."""

    def signed_in_recently(self, user_id: str, session: str, seconds: int) -> bool:
        """Whether the login that began this session is no older."""

    def living_sessions(self, user_id: str) -> tuple[SessionView, ...]:
        """Where a person is signed in, the last used first."""


class TokenTable(Protocol):
    """Tokens that are brought back once."""

    def add_token(
        self, purpose: Purpose, user_id: str, token: NewToken, email: str | None = None
    ) -> None:
        """A token that may be brought back until it expires."""

    def token(self, purpose: Purpose, token_hash: str) -> StoredToken | None:
        """A token that is still good."""

    def use_token(self, token_hash: str) -> None:
        """It is not good any more."""

    def count_attempt(self, token_hash: str) -> None:
        """A wrong answer was given to it."""

    def drop_tokens(self, user_id: str, *purposes: Purpose) -> None:
        """None of these of a person is good any more."""


class FactorTable(Protocol):
    """Second factors."""

    def second_factor(self, user_id: str) -> StoredFactor | None:
        """Somebody's second factor, confirmed or not."""

    def put_second_factor(self, user_id: str, sealed: str) -> None:
        """Keep a secret that is not confirmed yet."""

    def confirm_second_factor(self, user_id: str, step: int, codes: Sequence[str]) -> None:
        """It counts from now on, with these hashes of recovery codes."""

    def accept_code(self, user_id: str, step: int, sealed: str) -> None:
        """The code of this step is used; the secret is kept as it is given."""

    def refuse_code(self, user_id: str, wait_s: int) -> None:
        """A wrong code: none is looked at for so many seconds."""

    def remove_second_factor(self, user_id: str) -> None:
        """Off, and the recovery codes gone."""

    def replace_recovery_codes(self, user_id: str, hashes: Sequence[str]) -> None:
        """These, and none of those there were."""

    def use_recovery_code(self, user_id: str, code_hash: str) -> bool:
        """Whether there was such a code; there is none now."""


class PersonalData(Protocol):
    """What is known of a person beside their account."""

    def audit_of(self, user_id: str) -> tuple[AuditView, ...]:
        """Their lines of the audit trail, the newest first."""

    def forget_answers(self, user_id: str) -> None:
        """Nothing of theirs is left in stored answers."""


class Transaction(
    Journal, UserTable, SessionTable, TokenTable, FactorTable, PersonalData, Protocol
):
    """One change to what is stored: all of it or nothing."""


class Once(Protocol[Tx]):
    """Carries out changes."""

    def run_once(
        self, command_id: CommandId, change: Callable[[Tx], M | Refusal], kind: type[M]
    ) -> M:
        """Carry out a change and keep its outcome, unless that has been done already.

        A refusal that ``change`` raises undoes all it did; one that it returns does not.

        Raises:
            Refusal: what ``change`` refused with, now or the first time.
        """
        ...


class Store(Once[Transaction], Protocol):
    """What is stored."""

    def user(self, user_id: str, session: str | None = None) -> User | None:
        """The user with this id, and, when a session is given, signed in with it."""

    def credentials(self, email: str) -> Credentials | None:
        """The user with this e-mail, however it is spelled, and the password's hash."""

    def credentials_of(self, user_id: str) -> Credentials | None:
        """The user with this id, and the password's hash."""

    def read(self, question: Callable[[Transaction], T]) -> T:
        """Look at several things as they were at one moment."""
        ...


class PasswordHashes(Protocol):
    """How passwords are kept."""

    def hash(self, password: str) -> str:
        """A new hash."""

    def verify(self, password: str, stored: str | None) -> bool:
        """Whether this is the password; takes as long when there is no stored hash."""

    def outdated(self, stored: str) -> bool:
        """Whether the hash should be renewed."""


class Vault(Protocol):
    """Keeps secrets that must be read again."""

    def seal(self, secret: str, user_id: str) -> Sealed:
        """Seal a user's secret for storage."""

    def open(self, secret: Secret, user_id: str) -> str:
        """The secret."""
