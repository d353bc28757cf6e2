"""Profiles: what a user shows of themselves is found and changed."""

from __future__ import annotations

from shared.contract.errors import Refusal, SessionEnded, UserNotFound
from shared.contract.messages import FindUser, UpdateUser, User
from user.accounts.model import CommandId
from user.accounts.ports import Store, Transaction


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

    def update(self, command: UpdateUser, command_id: CommandId) -> User:
        """Change profile or e-mail; an absent member stays as it is.

        Raises:
            UserNotFound: there is no such user.
            SessionEnded: the command's session is not active.
            EmailTaken: another user has the new e-mail.
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

        return self._store.run_once(command_id, change, User)
