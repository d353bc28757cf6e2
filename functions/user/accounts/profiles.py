"""Profiles: users are found and updated."""

from __future__ import annotations

from shared.contract.errors import Refusal, SessionEnded, UserNotFound
from shared.contract.messages import FindUser, UpdateUser, User
from user.accounts.model import CommandId
from user.accounts.ports import Store, Transaction, UserTable


class ProfileService:
    """Finds and updates users."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, query: FindUser) -> User:
        """Return the user with an id or an e-mail.

        Raises:
            UserNotFound: there is none.
            SessionEnded: the query's session is not active.
            Refusal: neither is given.
        """
        if query.id is None and query.email is None:
            raise Refusal("Give an id or an email.", code="bad-message", status=400)
        user = self._store.read(lambda tx: _look_up(tx.users, query))
        if user is None:
            raise UserNotFound if query.session is None else SessionEnded
        return user

    def update(self, command: UpdateUser, command_id: CommandId) -> User:
        """Change profile or e-mail; an absent member stays as it is.

        Raises:
            UserNotFound: there is no such user.
            SessionEnded: the command's session is not active.
            EmailTaken: another user has the new e-mail.
        """

        def change(tx: Transaction) -> User:
            if command.session and not tx.sessions.is_active(command.id, command.session):
                raise SessionEnded
            user = tx.users.update(command)
            if user is None:
                raise UserNotFound
            if isinstance(command.email, str):
                # What was mailed to the former address must not bring it back.
                tx.tokens.delete_all(user.id, "reset", "verify")
            return user

        return self._store.run_once(command_id, change, User)


def _look_up(users: UserTable, query: FindUser) -> User | None:
    if query.id is not None and query.session is not None:
        return users.signed_in(query.id, query.session)
    found = users.by_email(query.email or "") if query.id is None else users.by_id(query.id)
    return found.user if found else None
