"""The rules of accounts. No driver is imported here: collaborators are given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from shared.contract.errors import (
    EmailNotVerified,
    EmailTaken,
    InvalidCredentials,
    Refusal,
    SecondFactorNeeded,
    SessionEnded,
    UserNotFound,
)
from shared.contract.messages import (
    FindUser,
    NewSession,
    NewToken,
    RegisterUser,
    SendWelcome,
    UpdateUser,
    User,
    ValidateUser,
)
from shared.contract.topics import NOTIFICATION_WELCOME
from user.accounts import notices
from user.accounts.model import (
    AuditEvent,
    AuditKind,
    Credentials,
    Event,
    MessageName,
    Purpose,
    StoredFactor,
)
from user.accounts.ports import Journal, Once, PasswordHashes

SignUp = Literal["open", "verified", "private"]
"""Who may sign in: everybody; those whose e-mail is verified; those, and nobody learns who is."""


class Transaction(Journal, Protocol):
    """One change to what is stored: all of it or nothing."""

    def credentials(self, email: str) -> Credentials | None:
        """The user with this e-mail, however it is spelled."""

    def lock_user(self, id: str) -> Credentials | None:  # noqa: A002 - the column's name
        """The user; nobody else changes them or their sessions until the end."""

    def add_user(self, id: str, email: str, password_hash: str, name: str | None) -> User | None:  # noqa: A002
        """A new user; None when the e-mail is taken."""

    def add_session(self, user_id: str, session: NewSession) -> None:
        """A new session, the first of its family."""

    def session_lives(self, user_id: str, session: str) -> bool:
        """Whether a person is signed in with this session."""

    def add_token(
        self, purpose: Purpose, user_id: str, token: NewToken, email: str | None = None
    ) -> None:
        """A token that may be brought back until it expires."""

    def drop_tokens(self, user_id: str, *purposes: Purpose) -> None:
        """None of these of a person is good any more."""

    def second_factor(self, user_id: str) -> StoredFactor | None:
        """Somebody's second factor, confirmed or not."""

    def replace_password(self, credentials: Credentials, password_hash: str) -> None:
        """Another hash of the same password, unless the password has changed meanwhile."""

    def update_user(self, change: UpdateUser) -> User | None:
        """The user after the change; None when there is none.

        Raises:
            EmailTaken: somebody else has the new e-mail.
        """


class Store(Once[Transaction], Protocol):
    """What is stored."""

    def user(self, id: str, session: str | None = None) -> User | None:  # noqa: A002 - the column's name
        """The user with this id, and, when a session is given, signed in with it."""

    def credentials(self, email: str) -> Credentials | None:
        """The user with this e-mail, however it is spelled, and the password's hash."""


class Accounts:
    """Register, validate, find, update.

    Args:
        new_id: makes ids for users (CUID2).
        sign_up: who may sign in.
    """

    def __init__(
        self,
        store: Store,
        passwords: PasswordHashes,
        new_id: Callable[[], str],
        sign_up: SignUp = "open",
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._new_id = new_id
        self._sign_up = sign_up

    def register(self, command: RegisterUser, password: str, name: MessageName) -> User:
        """Make an account, signed in with the session that the command brings.

        Raises:
            EmailTaken: the e-mail has an account.
        """
        password_hash = self._passwords.hash(password)  # slow, so before the transaction

        def change(transaction: Transaction) -> User | Refusal:
            user = transaction.add_user(self._new_id(), command.email, password_hash, command.name)
            if user is None:
                return _taken(transaction, command)
            transaction.audit(_event("account-created", command, user))
            if command.session is not None:
                transaction.add_session(user.id, command.session)
            _welcome(transaction, command, user)
            return user

        return self._store.once(name, change, User)

    def validate(self, command: ValidateUser, password: str, name: MessageName) -> User:
        """Check a password; open the session that the command brings.

        Raises:
            InvalidCredentials: no such e-mail, or another password; both take the same time.
            SecondFactorNeeded: the password is right, and a code has to follow.
            EmailNotVerified: the password is right, and the address has to be confirmed first.
        """
        found = self._store.credentials(command.email)
        right = self._passwords.verify(password, found.password_hash if found else None)
        renewed = self._renewed(found, password) if found and right else None

        def change(transaction: Transaction) -> User | Refusal:
            if found is None or not right or not _unchanged(transaction, found):
                transaction.audit(_event("sign-in-refused", command, found.user if found else None))
                return InvalidCredentials()
            if renewed is not None:
                transaction.replace_password(found, renewed)
            return self._open(transaction, command, found.user)

        return self._store.once(name, change, User)

    def find(self, query: FindUser) -> User:
        """The user with an id or an e-mail.

        Raises:
            UserNotFound: there is none.
            SessionEnded: whoever asks is not signed in any more.
            Refusal: neither is given.
        """
        if query.id is not None:
            user = self._store.user(query.id, query.session)
        elif query.email is not None:
            found = self._store.credentials(query.email)
            user = found.user if found else None
        else:
            raise Refusal("Give an id or an email.", code="bad-message", status=400)
        if user is None:
            raise UserNotFound if query.session is None else SessionEnded
        return user

    def update(self, command: UpdateUser, name: MessageName) -> User:
        """Change name or e-mail; what is absent stays as it is.

        Raises:
            UserNotFound: there is no such user.
            SessionEnded: whoever asks is not signed in any more.
            EmailTaken: somebody else has the new e-mail.
        """

        def change(transaction: Transaction) -> User:
            if command.session and not transaction.session_lives(command.id, command.session):
                raise SessionEnded
            user = transaction.update_user(command)
            if user is None:
                raise UserNotFound
            if isinstance(command.email, str):
                # What was mailed to the former address must not bring it back.
                transaction.drop_tokens(user.id, "reset", "verify")
            return user

        return self._store.once(name, change, User)

    def _open(self, transaction: Transaction, command: ValidateUser, user: User) -> User | Refusal:
        """The end of a login with the right password."""
        if self._sign_up != "open" and not user.email_verified:
            transaction.audit(_event("sign-in-refused", command, user))
            # Where accounts are private, whoever registered somebody's address must not learn here
            # that it was free.
            return InvalidCredentials() if self._sign_up == "private" else EmailNotVerified()
        factor = transaction.second_factor(user.id)
        if factor is not None and factor.confirmed_at is not None:
            if command.challenge is not None:
                transaction.add_token("challenge", user.id, command.challenge)
            return SecondFactorNeeded()
        if command.session is not None:
            transaction.add_session(user.id, command.session)
        transaction.audit(_event("signed-in", command, user))
        return user

    def _renewed(self, found: Credentials, password: str) -> str | None:
        outdated = self._passwords.outdated(found.password_hash)
        return self._passwords.hash(password) if outdated else None


def _unchanged(transaction: Transaction, checked: Credentials) -> bool:
    """Whether the password that was checked is the password still.

    Without this, a login that began before a change of password would open a session after it.
    """
    now = transaction.lock_user(checked.user.id)
    return now is not None and now.password_hash == checked.password_hash


def _taken(transaction: Transaction, command: RegisterUser) -> Refusal:
    owner = transaction.credentials(command.email) if command.welcome else None
    if owner is not None:
        transaction.send(notices.notice(owner.user, notices.ALREADY_REGISTERED))
    return EmailTaken()


def _welcome(transaction: Transaction, command: RegisterUser, user: User) -> None:
    if command.verification is not None:
        transaction.add_token("verify", user.id, command.verification, user.email)
    if command.welcome is not None:
        welcome = SendWelcome(
            user_id=user.id, email=user.email, name=user.name, token=command.welcome
        )
        transaction.send(Event.of(NOTIFICATION_WELCOME, user.id, welcome))


def _event(kind: AuditKind, command: RegisterUser | ValidateUser, user: User | None) -> AuditEvent:
    device = command.session or command.client
    return AuditEvent(
        kind=kind,
        user_id=user.id if user else None,
        session=command.session.id if command.session else None,
        user_agent=device.user_agent if device else None,
        ip=device.ip if device else None,
    )
