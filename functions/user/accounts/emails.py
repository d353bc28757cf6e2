"""E-mail addresses: an address counts once the token that was mailed there comes back."""

from __future__ import annotations

from shared.contract.account_commands import (
    ChangeEmail,
    SendVerification,
    SessionsRevoked,
    VerifyEmail,
)
from shared.contract.errors import EmailTaken, InvalidToken, UserNotFound
from shared.contract.messages import MailedToken, SendEmail, UpdateUser, User
from shared.contract.topics import NOTIFICATION_EMAIL
from user.accounts import notices
from user.accounts.audit_events import action_event, own_event
from user.accounts.model import CommandId, Event
from user.accounts.ports import Store, Transaction
from user.accounts.reauthentication import Reauthentication


class EmailService:
    """Verifies and changes e-mail addresses."""

    def __init__(self, store: Store, reauthentication: Reauthentication) -> None:
        self._store = store
        self._reauthentication = reauthentication

    def send_verification(
        self, command: SendVerification, command_id: CommandId
    ) -> SessionsRevoked:
        """Mail a token, if the address has an account and is not verified yet."""

        def change(tx: Transaction) -> SessionsRevoked:
            found = tx.users.by_email(command.email)
            waits = found is not None and not found.user.email_verified
            if found is not None and waits and not command.token.expired:
                _mail_token(tx, found.user.id, found.user.email, command.token)
            return SessionsRevoked()

        return self._store.run_once(command_id, change, SessionsRevoked)

    def verify(self, command: VerifyEmail, command_id: CommandId) -> User:
        """Make the address of a token that came back the verified one of its owner.

        Raises:
            InvalidToken: not known, used, or too old.
            EmailTaken: another user has taken the address since.
        """

        def change(tx: Transaction) -> User:
            token = tx.tokens.find("verify", command.token)
            owner = tx.users.lock(token.user_id) if token else None
            token = tx.tokens.find("verify", command.token)
            if owner is None or token is None or token.email is None:
                raise InvalidToken
            user = tx.users.prove_email(token.user_id, token.email)
            if user is None:
                raise InvalidToken
            tx.tokens.delete(command.token)
            if token.email.lower() != owner.user.email.lower():
                # What was mailed to the former address must not bring it back.
                tx.tokens.delete_all(user.id, "reset", "verify")
                tx.events.append(notices.notice(owner.user, notices.EMAIL_CHANGED))
                tx.audit.add(action_event("email-changed", command, user.id))
            else:
                tx.audit.add(action_event("email-verified", command, user.id))
            return user

        return self._store.run_once(command_id, change, User)

    def change(self, command: ChangeEmail, password: str | None, command_id: CommandId) -> User:
        """Mail a token to the new address; until it comes back, the old one stays.

        Raises:
            SessionEnded, InvalidCredentials, PasswordNeeded: see :class:`Reauthentication`.
            EmailTaken: another user has it.
        """
        checked = self._reauthentication.check_if_given(command.id, password)

        def change(tx: Transaction) -> User:
            user = self._reauthentication.require(tx, command, checked)
            if command.email.lower() == user.email.lower():
                return _respell(tx, user, command.email)
            owner = tx.users.by_email(command.email)
            if owner is None:
                _mail_token(tx, user.id, command.email, command.token)
            elif command.quiet:
                tx.events.append(notices.notice(owner.user, notices.ALREADY_REGISTERED))
            else:
                raise EmailTaken
            tx.audit.add(own_event("email-change-asked", command))
            return user

        return self._store.run_once(command_id, change, User)


def _mail_token(tx: Transaction, user_id: str, to: str, token: MailedToken) -> None:
    tx.tokens.add("verify", user_id, token, to)
    subject, text = notices.CONFIRM_EMAIL
    mail = SendEmail(
        to=to, subject=subject, text=text, page=notices.VERIFY_PAGE, token=token.sealed
    )
    tx.events.append(Event.of(NOTIFICATION_EMAIL, user_id, mail))


def _respell(tx: Transaction, user: User, email: str) -> User:
    changed = tx.users.update(UpdateUser(id=user.id, email=email))
    if changed is None:
        raise UserNotFound
    return changed
