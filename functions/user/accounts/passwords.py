"""Passwords: change, forgot, reset; and the deletion of an account, which needs the password."""

from __future__ import annotations

from shared.contract.account_commands import (
    ChangePassword,
    DeleteUser,
    ForgotPassword,
    ResetPassword,
    SessionsRevoked,
)
from shared.contract.errors import InvalidToken
from shared.contract.messages import SendPasswordReset
from shared.contract.topics import NOTIFICATION_PASSWORD_RESET
from shared.security.password_rules import refuse_weak
from user.accounts import notices
from user.accounts.audit_events import action_event, own_event
from user.accounts.model import CommandId, Event
from user.accounts.ports import Store, Transaction
from user.accounts.reauthentication import Reauthentication
from user.security.password_hasher import PasswordHasher


class PasswordService:
    """Changes and resets passwords, and deletes accounts."""

    def __init__(
        self, store: Store, hasher: PasswordHasher, reauthentication: Reauthentication
    ) -> None:
        self._store = store
        self._hasher = hasher
        self._reauthentication = reauthentication

    def change(
        self, command: ChangePassword, current: str, new: str, command_id: CommandId
    ) -> SessionsRevoked:
        """Change the password, and revoke all other sessions.

        Raises:
            InvalidCredentials: the current password is another.
            WeakPassword: the new one is.
            SessionEnded: the command's session is not active.
        """
        checked = self._reauthentication.check(command.id, current)
        refuse_weak(new, checked.user.email, checked.user.name)
        password_hash = self._hasher.hash(new)

        def change(tx: Transaction) -> SessionsRevoked:
            user = self._reauthentication.require(tx, command, checked)
            tx.users.set_password(user.id, password_hash)
            tx.tokens.delete_all(user.id, "reset", "challenge")
            ended = tx.sessions.revoke(user.id, but=command.session)
            tx.audit.add(own_event("password-changed", command))
            tx.events.append(notices.notice(user, notices.PASSWORD_CHANGED))
            return SessionsRevoked(ended=ended)

        return self._store.run_once(command_id, change, SessionsRevoked)

    def forgot(self, command: ForgotPassword, command_id: CommandId) -> SessionsRevoked:
        """Mail a token to the owner of the address, if there is one.

        The command is an event, so it may come late: a token that has expired is not mailed.
        """

        def change(tx: Transaction) -> SessionsRevoked:
            found = tx.users.by_email(command.email)
            if found is None or command.token.expired:
                return SessionsRevoked()
            user = found.user
            tx.tokens.add("reset", user.id, command.token)
            mail = SendPasswordReset(
                user_id=user.id, email=user.email, name=user.name, token=command.token.sealed
            )
            tx.audit.add(action_event("password-reset-asked", command, user.id))
            tx.events.append(Event.of(NOTIFICATION_PASSWORD_RESET, user.id, mail))
            return SessionsRevoked()

        return self._store.run_once(command_id, change, SessionsRevoked)

    def reset(
        self, command: ResetPassword, password: str, command_id: CommandId
    ) -> SessionsRevoked:
        """Set the password of a mailed token's owner, and revoke all sessions.

        The token came back, so the address is verified too.

        Raises:
            InvalidToken: not known, used, or too old.
            WeakPassword: the password is; the token stays good.
        """
        refuse_weak(password)
        password_hash = self._hasher.hash(password)

        def change(tx: Transaction) -> SessionsRevoked:
            token = tx.tokens.find("reset", command.token)
            owner = tx.users.lock(token.user_id) if token else None
            if owner is None or tx.tokens.find("reset", command.token) is None:
                raise InvalidToken
            user = owner.user
            refuse_weak(password, user.email, user.name)
            tx.users.set_password(user.id, password_hash)
            tx.users.prove_email(user.id, user.email)
            tx.tokens.delete_all(user.id, "reset", "challenge")
            ended = tx.sessions.revoke(user.id)
            tx.audit.add(action_event("password-reset", command, user.id))
            tx.events.append(notices.notice(user, notices.PASSWORD_RESET))
            return SessionsRevoked(ended=ended)

        return self._store.run_once(command_id, change, SessionsRevoked)

    def delete(self, command: DeleteUser, password: str, command_id: CommandId) -> SessionsRevoked:
        """Delete the account with its sessions, tokens and second factor.

        Raises:
            InvalidCredentials: the password is another.
            SessionEnded: the command's session is not active.
        """
        checked = self._reauthentication.check(command.id, password)

        def change(tx: Transaction) -> SessionsRevoked:
            user = self._reauthentication.require(tx, command, checked)
            ended = tx.sessions.revoke(user.id)
            tx.audit.add(own_event("account-deleted", command))
            tx.events.append(notices.notice(user, notices.ACCOUNT_DELETED))
            tx.users.delete(user.id)
            tx.replies.erase(user.id)
            return SessionsRevoked(ended=ended)

        return self._store.run_once(command_id, change, SessionsRevoked)
