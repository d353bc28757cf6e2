"""The second factor: codes from a user's device, and recovery codes.

OWASP ASVS 5, 6.5: a code is good once, a secret is sealed where it is stored, a recovery code is
stored as a hash. Wrong codes make the next one wait, longer each time. That locks out no owner on
a stranger's behalf, since a code is asked for only after the password.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from shared.contract.account_commands import (
    AnswerChallenge,
    ConfirmTotp,
    EnrolTotp,
    RemoveTotp,
    RenewRecoveryCodes,
    SessionResult,
)
from shared.contract.errors import (
    InvalidToken,
    Refusal,
    SecondFactorState,
    TooManyAttempts,
    WrongCode,
)
from shared.contract.json import decode_json
from shared.contract.messages import Sealed, User
from user.accounts import notices
from user.accounts.audit_events import action_event, own_event
from user.accounts.model import CommandId, StoredFactor
from user.accounts.ports import Store, Transaction
from user.accounts.reauthentication import Reauthentication
from user.accounts.sessions import require_signed_in
from user.security.totp import is_totp, recovery_hash, step_of
from user.security.vault import Vault

_ANSWERS_TO_A_CHALLENGE = 5
_FREE_FAILURES = 3
_LONGEST_WAIT_S = 300


class SecondFactorService:
    """Turns the second factor on and off, and answers challenges.

    Args:
        now: Unix time in seconds.
    """

    def __init__(
        self,
        store: Store,
        vault: Vault,
        reauthentication: Reauthentication,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._vault = vault
        self._reauthentication = reauthentication
        self._now = now

    def enrol(
        self, command: EnrolTotp, secret: str, password: str | None, command_id: CommandId
    ) -> User:
        """Store a secret; it counts once its first code is confirmed.

        Raises:
            SessionEnded, InvalidCredentials, PasswordNeeded: see :class:`Reauthentication`.
            SecondFactorState: it is on already.
        """
        checked = self._reauthentication.check_if_given(command.id, password)
        sealed = _text(self._vault.seal(secret, command.id))

        def change(tx: Transaction) -> User:
            user = self._reauthentication.require(tx, command, checked)
            if _on(tx.second_factors.find(user.id)):
                raise SecondFactorState(on=True)
            tx.second_factors.enrol(user.id, sealed)
            return user

        return self._store.run_once(command_id, change, User)

    def confirm(self, command: ConfirmTotp, code: str, command_id: CommandId) -> User:
        """Turn the second factor on, with its first code.

        Raises:
            SessionEnded: the command's session is not active.
            SecondFactorState: none is enrolled, or it is on already.
            WrongCode, TooManyAttempts: as at a login.
        """

        def change(tx: Transaction) -> User | Refusal:
            user = require_signed_in(tx, command)
            factor = tx.second_factors.find(user.id)
            if factor is None or _on(factor):
                raise SecondFactorState(on=factor is not None)
            if factor.waits:
                raise TooManyAttempts
            step = self._step(factor, user.id, code)
            if step is None:
                tx.second_factors.refuse_code(user.id, _wait_s(factor))
                return WrongCode()
            tx.second_factors.confirm(user.id, step, command.recovery_hashes)
            tx.audit.add(own_event("second-factor-on", command))
            tx.events.append(notices.notice(user, notices.SECOND_FACTOR_ON))
            return user

        return self._store.run_once(command_id, change, User)

    def answer(self, command: AnswerChallenge, code: str, command_id: CommandId) -> SessionResult:
        """Open the session of a login whose challenge is answered with a code.

        Raises:
            InvalidToken: no such challenge, or too old, or answered wrongly too often.
            WrongCode: another code may be tried.
            TooManyAttempts: not now.
        """

        def change(tx: Transaction) -> SessionResult | Refusal:
            user, factor = _challenged(tx, command.challenge)
            refusal = self._refusal(tx, factor, user, code)
            if refusal is not None:
                tx.tokens.count_attempt(command.challenge)
                tx.audit.add(action_event("second-factor-refused", command, user.id))
                return refusal
            tx.tokens.delete(command.challenge)
            tx.sessions.add(user.id, command.new)
            tx.audit.add(action_event("signed-in", command, user.id, command.new.id))
            return SessionResult(user=user, session=command.new.id)

        return self._store.run_once(command_id, change, SessionResult)

    def renew(self, command: RenewRecoveryCodes, password: str, command_id: CommandId) -> User:
        """Replace all recovery codes.

        Raises:
            SessionEnded, InvalidCredentials: see :class:`Reauthentication`.
            SecondFactorState: the second factor is off.
        """
        checked = self._reauthentication.check(command.id, password)

        def change(tx: Transaction) -> User:
            user = self._reauthentication.require(tx, command, checked)
            if not _on(tx.second_factors.find(user.id)):
                raise SecondFactorState(on=False)
            tx.second_factors.replace_recovery_codes(user.id, command.recovery_hashes)
            tx.audit.add(own_event("recovery-codes-renewed", command))
            return user

        return self._store.run_once(command_id, change, User)

    def remove(self, command: RemoveTotp, password: str, command_id: CommandId) -> User:
        """Turn the second factor off.

        Raises:
            SessionEnded, InvalidCredentials: see :class:`Reauthentication`.
            SecondFactorState: it is off already.
        """
        checked = self._reauthentication.check(command.id, password)

        def change(tx: Transaction) -> User:
            user = self._reauthentication.require(tx, command, checked)
            if not _on(tx.second_factors.find(user.id)):
                raise SecondFactorState(on=False)
            tx.second_factors.remove(user.id)
            tx.audit.add(own_event("second-factor-off", command))
            tx.events.append(notices.notice(user, notices.SECOND_FACTOR_OFF))
            return user

        return self._store.run_once(command_id, change, User)

    def _refusal(
        self, tx: Transaction, factor: StoredFactor, user: User, code: str
    ) -> Refusal | None:
        """Use up a code that is right; return why it is refused otherwise."""
        if not is_totp(code):
            # It cannot be guessed, so it is checked even while codes wait: the owner can get in.
            return self._recovery_refusal(tx, user, code)
        if factor.waits:
            return TooManyAttempts()
        step = self._step(factor, user.id, code)
        if step is None or step <= factor.last_step:
            tx.second_factors.refuse_code(user.id, _wait_s(factor))
            return WrongCode()
        secret = self._vault.open(_sealed(factor), user.id)
        tx.second_factors.accept_code(user.id, step, _text(self._vault.seal(secret, user.id)))
        return None

    def _recovery_refusal(self, tx: Transaction, user: User, code: str) -> Refusal | None:
        if not tx.second_factors.use_recovery_code(user.id, recovery_hash(code)):
            return WrongCode()
        tx.events.append(notices.notice(user, notices.RECOVERY_CODE_USED))
        return None

    def _step(self, factor: StoredFactor, user_id: str, code: str) -> int | None:
        return step_of(self._vault.open(_sealed(factor), user_id), code, self._now())


def _challenged(tx: Transaction, challenge: str) -> tuple[User, StoredFactor]:
    """Lock the user whose challenge this is; return the user and the second factor."""
    token = tx.tokens.find("challenge", challenge)
    owner = tx.users.lock(token.user_id) if token else None
    token = tx.tokens.find("challenge", challenge)
    factor = tx.second_factors.find(owner.user.id) if owner else None
    if owner is None or token is None or token.attempts >= _ANSWERS_TO_A_CHALLENGE:
        raise InvalidToken
    if factor is None or not _on(factor):
        raise InvalidToken
    return owner.user, factor


def _on(factor: StoredFactor | None) -> bool:
    return factor is not None and factor.confirmed_at is not None


def _wait_s(factor: StoredFactor) -> int:
    """Return the seconds for which no code is checked after one more wrong code."""
    if factor.failures < _FREE_FAILURES:
        return 0
    exponent: int = min(factor.failures - _FREE_FAILURES, 16)
    return min(2 << exponent, _LONGEST_WAIT_S)


def _sealed(factor: StoredFactor) -> Sealed:
    return decode_json(factor.secret, Sealed)


def _text(sealed: Sealed) -> str:
    return msgspec.json.encode(sealed).decode()
