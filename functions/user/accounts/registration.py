"""Registration: a new account, and the mail that goes with it."""

from __future__ import annotations

from collections.abc import Callable

from shared.contract.errors import EmailTaken, Refusal
from shared.contract.messages import RegisterUser, SendWelcome, User
from shared.contract.topics import NOTIFICATION_WELCOME
from user.accounts import notices
from user.accounts.audit_events import sign_in_event
from user.accounts.model import CommandId, Event
from user.accounts.ports import Store, Transaction
from user.security.password_hasher import PasswordHasher


class RegistrationService:
    """Makes accounts.

    Args:
        new_id: makes ids for users (CUID2).
    """

    def __init__(self, store: Store, hasher: PasswordHasher, new_id: Callable[[], str]) -> None:
        self._store = store
        self._hasher = hasher
        self._new_id = new_id

    def register(self, command: RegisterUser, password: str, command_id: CommandId) -> User:
        """Make an account, and open the session that the command brings.

        Raises:
            EmailTaken: the e-mail has an account.
        """
        password_hash = self._hasher.hash(password)  # slow, so before the transaction

        def change(tx: Transaction) -> User | Refusal:
            user = tx.users.add(self._new_id(), command, password_hash)
            if user is None:
                return _taken(tx, command)
            tx.audit.add(sign_in_event("account-created", command, user))
            if command.session is not None:
                tx.sessions.add(user.id, command.session)
            _welcome(tx, command, user)
            return user

        return self._store.run_once(command_id, change, User)


def _taken(tx: Transaction, command: RegisterUser) -> Refusal:
    owner = tx.users.by_email(command.email) if command.welcome else None
    if owner is not None:
        tx.events.append(notices.notice(owner.user, notices.ALREADY_REGISTERED))
    return EmailTaken()


def _welcome(tx: Transaction, command: RegisterUser, user: User) -> None:
    if command.verification is not None:
        tx.tokens.add("verify", user.id, command.verification, user.email)
    if command.welcome is not None:
        welcome = SendWelcome(
            user_id=user.id, email=user.email, name=user.name, token=command.welcome
        )
        tx.events.append(Event.of(NOTIFICATION_WELCOME, user.id, welcome))
