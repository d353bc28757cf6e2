"""Reauthentication, before a command that could take the account away from its owner.

OWASP ASVS 5, 7.5.1: full re-authentication before e-mail, second factor or password change. A
login a few minutes ago is as good as the password once more.
"""

from __future__ import annotations

from shared.contract.account_commands import OwnAction
from shared.contract.errors import InvalidCredentials, PasswordNeeded
from shared.contract.messages import User
from user.accounts.model import Credentials
from user.accounts.ports import Store, Transaction
from user.accounts.sessions import require_signed_in
from user.security.password_hasher import PasswordHasher


class Reauthentication:
    """Checks passwords of users who are signed in.

    Args:
        recent_s: seconds in which a login counts as recent.
    """

    def __init__(self, store: Store, hasher: PasswordHasher, *, recent_s: int) -> None:
        self._store = store
        self._hasher = hasher
        self._recent_s = recent_s

    def check(self, user_id: str, password: str) -> Credentials:
        """Return the user, if this is the password. It is slow, so before the transaction.

        Raises:
            InvalidCredentials: it is not.
        """
        found = self._store.read(lambda tx: tx.users.by_id(user_id))
        right = self._hasher.verify(password, found.password_hash if found else None)
        if found is None or not right:
            raise InvalidCredentials
        return found

    def check_if_given(self, user_id: str, password: str | None) -> Credentials | None:
        """Check a password that may be absent: a recent login may do instead."""
        return None if password is None else self.check(user_id, password)

    def require(self, tx: Transaction, command: OwnAction, checked: Credentials | None) -> User:
        """Lock the calling user's row and return the user, if reauthenticated.

        Args:
            checked: the user as :meth:`check` returned it; None asks for a recent login.

        Raises:
            SessionEnded: the command's session is not active.
            InvalidCredentials: the password was changed since it was checked.
            PasswordNeeded: no password was given, and the login was long ago.
        """
        user = require_signed_in(tx, command)
        if checked is not None:
            now = tx.users.lock(command.id)
            if now is None or now.password_hash != checked.password_hash:
                raise InvalidCredentials
        elif not tx.sessions.began_within(command.id, command.session, self._recent_s):
            raise PasswordNeeded
        return user
