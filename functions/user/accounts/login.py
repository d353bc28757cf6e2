"""Login: a password is checked, then a session or a challenge is opened."""

from __future__ import annotations

from shared.contract.errors import (
    EmailNotVerified,
    InvalidCredentials,
    Refusal,
    SecondFactorNeeded,
)
from shared.contract.messages import User, ValidateUser
from user.accounts.audit_events import sign_in_event
from user.accounts.model import CommandId, Credentials, SignUp
from user.accounts.ports import Store, Transaction
from user.security.password_hasher import PasswordHasher


class LoginService:
    """Validates passwords.

    Args:
        sign_up: which users may sign in.
    """

    def __init__(self, store: Store, hasher: PasswordHasher, sign_up: SignUp = "open") -> None:
        self._store = store
        self._hasher = hasher
        self._sign_up = sign_up

    def validate(self, command: ValidateUser, password: str, command_id: CommandId) -> User:
        """Check a password, and open the session that the command brings.

        Raises:
            InvalidCredentials: unknown e-mail or wrong password; both take the same time.
            SecondFactorNeeded: the password is right, and a code has to follow.
            EmailNotVerified: the password is right, and the address has to be confirmed first.
        """
        found = self._store.read(lambda tx: tx.users.by_email(command.email))
        right = self._hasher.verify(password, found.password_hash if found else None)
        renewed = self._renewed(found, password) if found and right else None

        def change(tx: Transaction) -> User | Refusal:
            if found is None or not right or not _unchanged(tx, found):
                user = found.user if found else None
                tx.audit.add(sign_in_event("sign-in-refused", command, user))
                return InvalidCredentials()
            if renewed is not None:
                tx.users.renew_hash(found, renewed)
            return self._open(tx, command, found.user)

        return self._store.run_once(command_id, change, User)

    def _open(self, tx: Transaction, command: ValidateUser, user: User) -> User | Refusal:
        """Open the session or the challenge of a login whose password is right."""
        if self._sign_up != "open" and not user.email_verified:
            tx.audit.add(sign_in_event("sign-in-refused", command, user))
            # Where accounts are private, the answer must not show that the address was free.
            return InvalidCredentials() if self._sign_up == "private" else EmailNotVerified()
        factor = tx.second_factors.find(user.id)
        if factor is not None and factor.confirmed_at is not None:
            if command.challenge is not None:
                tx.tokens.add("challenge", user.id, command.challenge)
            return SecondFactorNeeded()
        if command.session is not None:
            tx.sessions.add(user.id, command.session)
        tx.audit.add(sign_in_event("signed-in", command, user))
        return user

    def _renewed(self, found: Credentials, password: str) -> str | None:
        outdated = self._hasher.outdated(found.password_hash)
        return self._hasher.hash(password) if outdated else None


def _unchanged(tx: Transaction, checked: Credentials) -> bool:
    """Return whether the password that was checked is still the user's password.

    Without this, a login that began before a change of password would open a session after it.
    """
    now = tx.users.lock(checked.user.id)
    return now is not None and now.password_hash == checked.password_hash
