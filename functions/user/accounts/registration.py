"""Registration: a new account, and the mail that goes with it."""

from __future__ import annotations

from collections.abc import Callable

from shared.contract.errors import EmailTaken, Refusal
from shared.contract.messages import RegisterUser, SendWelcome, User
from shared.contract.topics import NOTIFICATION_WELCOME
from user.accounts import notices
from user.accounts.audit_events import sign_in_event
from user.accounts.model import CommandId, Event
from user.accounts.ports import PasswordHashes, Store, Transaction


class RegistrationService:
    """Makes accounts.

    Args:
        new_id: makes ids for users (CUID2).
    """

    def __init__(self, store: Store, hashes: PasswordHashes, new_id: Callable[[], str]) -> None:
        self._store = store
        self._hashes = hashes
        self._new_id = new_id

    def register(self, command: RegisterUser, password: str, command_id: CommandId) -> User:
        """Make an account, signed in with the session that the command brings.

        Raises:
            EmailTaken: the e-mail has an account.
        """
        password_hash = self._hashes.hash(password)  # slow, so before the transaction

        def change(transaction: Transaction) -> User | Refusal:
            user = transaction.add_user(self._new_id(), command.email, password_hash, command.name)
            if user is None:
                return _taken(transaction, command)
            transaction.audit(sign_in_event("account-created", command, user))
            if command.session is not None:
                transaction.add_session(user.id, command.session)
            _welcome(transaction, command, user)
            return user

        return self._store.run_once(command_id, change, User)


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
