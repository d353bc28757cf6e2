"""The rules of accounts. No driver is imported here: collaborators are given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from shared.errors import EmailTaken, InvalidCredentials, Refusal, UserNotFound
from shared.messages import (
    FindUser,
    NewSession,
    RegisterUser,
    UpdateUser,
    User,
    ValidateUser,
)
from user.model import Credentials, MessageName


class Transaction(Protocol):
    """One change to what is stored: all of it or nothing."""

    def add_user(self, id: str, email: str, password_hash: str, name: str | None) -> User | None:  # noqa: A002 - the column's name
        """A new user; None when the e-mail is taken."""

    def add_session(self, user_id: str, session: NewSession) -> None:
        """A new session, the first of its family."""

    def replace_password(self, credentials: Credentials, password_hash: str) -> None:
        """Another hash of the same password, unless the password has changed meanwhile."""

    def update_user(self, change: UpdateUser) -> User | None:
        """The user after the change; None when there is none.

        Raises:
            EmailTaken: somebody else has the new e-mail.
        """


class Store(Protocol):
    """What is stored."""

    def user(self, id: str) -> User | None:  # noqa: A002 - the column's name
        """The user with this id."""

    def credentials(self, email: str) -> Credentials | None:
        """The user with this e-mail, however it is spelled, and the password's hash."""

    def once(self, name: MessageName, change: Callable[[Transaction], User]) -> User:
        """Carry out a change and keep its outcome, unless that has been done already.

        Raises:
            Refusal: what ``change`` refused with, now or the first time.
        """


class PasswordHashes(Protocol):
    """How passwords are kept."""

    def hash(self, password: str) -> str:
        """A new hash."""

    def verify(self, password: str, stored: str | None) -> bool:
        """Whether this is the password; takes as long when there is no stored hash."""

    def outdated(self, stored: str) -> bool:
        """Whether the hash should be renewed."""


class Accounts:
    """Register, validate, find, update.

    Args:
        new_id: makes ids for users (CUID2).
    """

    def __init__(self, store: Store, passwords: PasswordHashes, new_id: Callable[[], str]) -> None:
        self._store = store
        self._passwords = passwords
        self._new_id = new_id

    def register(self, command: RegisterUser, password: str, name: MessageName) -> User:
        """Make an account, signed in with the session that the command brings.

        Raises:
            EmailTaken: the e-mail has an account.
        """
        password_hash = self._passwords.hash(password)  # slow, so before the transaction

        def change(transaction: Transaction) -> User:
            user = transaction.add_user(self._new_id(), command.email, password_hash, command.name)
            if user is None:
                raise EmailTaken
            if command.session is not None:
                transaction.add_session(user.id, command.session)
            return user

        return self._store.once(name, change)

    def validate(self, command: ValidateUser, password: str, name: MessageName) -> User:
        """Check a password; open the session that the command brings.

        Raises:
            InvalidCredentials: no such e-mail, or another password; both take the same time.
        """
        found = self._store.credentials(command.email)
        right = self._passwords.verify(password, found.password_hash if found else None)
        if found is None or not right:
            raise InvalidCredentials
        renewed = self._renewed(found, password)
        if command.session is None and renewed is None:
            return found.user

        def change(transaction: Transaction) -> User:
            if renewed is not None:
                transaction.replace_password(found, renewed)
            if command.session is not None:
                transaction.add_session(found.user.id, command.session)
            return found.user

        return self._store.once(name, change)

    def find(self, query: FindUser) -> User:
        """The user with an id or an e-mail.

        Raises:
            UserNotFound: there is none.
            Refusal: neither is given.
        """
        if query.id is not None:
            user = self._store.user(query.id)
        elif query.email is not None:
            found = self._store.credentials(query.email)
            user = found.user if found else None
        else:
            raise Refusal("Give an id or an email.", code="bad-message", status=400)
        if user is None:
            raise UserNotFound
        return user

    def update(self, command: UpdateUser, name: MessageName) -> User:
        """Change name or e-mail; what is absent stays as it is.

        Raises:
            UserNotFound: there is no such user.
            EmailTaken: somebody else has the new e-mail.
        """

        def change(transaction: Transaction) -> User:
            user = transaction.update_user(command)
            if user is None:
                raise UserNotFound
            return user

        return self._store.once(name, change)

    def _renewed(self, found: Credentials, password: str) -> str | None:
        outdated = self._passwords.outdated(found.password_hash)
        return self._passwords.hash(password) if outdated else None
