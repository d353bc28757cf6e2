"""The second factor: a code is good once, and wrong codes make the next one wait."""

from __future__ import annotations

from base64 import b32decode

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP

from shared.contract.account_commands import (
    AnswerChallenge,
    ConfirmTotp,
    EnrolTotp,
    RemoveTotp,
    RenewRecoveryCodes,
    SessionResult,
)
from shared.contract.errors import InvalidToken, SecondFactorState, TooManyAttempts, WrongCode
from shared.contract.messages import NewToken, User
from shared.security.sealing import JwkSet, new_key
from tests.unit.user.fakes import (
    PASSWORD,
    Clock,
    MemoryUnitOfWork,
    hash_of,
    in_a_day,
    new_command_id,
    new_session,
)
from user.accounts.reauthentication import Reauthentication
from user.accounts.second_factor import SecondFactorService
from user.security.totp import STEP_S, recovery_hash
from user.security.vault import Vault

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
RECOVERY = "ABCD-EFGH"
CHALLENGE = NewToken(hash=hash_of("challenge"), expires_at=in_a_day())


@pytest.fixture
def second_factor(
    store: MemoryUnitOfWork, reauthentication: Reauthentication, clock: Clock
) -> SecondFactorService:
    vault = Vault(JwkSet((new_key("k1"),)))
    return SecondFactorService(store, vault, reauthentication, lambda: clock.now.timestamp())


@pytest.fixture
def enrolled(ada: User, second_factor: SecondFactorService) -> User:
    command = EnrolTotp(id=ada.id, session="session-1", secret="")
    return second_factor.enrol(command, SECRET, PASSWORD, new_command_id())


@pytest.fixture
def challenged(
    enrolled: User, second_factor: SecondFactorService, store: MemoryUnitOfWork, clock: Clock
) -> User:
    """Turn the second factor on, and take the first step of a login."""
    second_factor.confirm(confirm(enrolled), code(clock), new_command_id())
    clock.forward(STEP_S)
    store.read(lambda tx: tx.tokens.add("challenge", enrolled.id, CHALLENGE))
    return enrolled


def code(clock: Clock) -> str:
    step = int(clock.now.timestamp()) // STEP_S
    return HOTP(b32decode(SECRET), 6, SHA1()).generate(step).decode()


def wrong(clock: Clock) -> str:
    return f"{(int(code(clock)) + 1) % 10**6:06}"


def confirm(user: User) -> ConfirmTotp:
    return ConfirmTotp(
        id=user.id, session="session-1", code="", recovery_hashes=(recovery_hash(RECOVERY),)
    )


def answer(second_factor: SecondFactorService, given: str) -> SessionResult:
    command = AnswerChallenge(challenge=CHALLENGE.hash, code="", new=new_session("session-2"))
    return second_factor.answer(command, given, new_command_id())


def test_it_is_on_once_the_first_code_is_right(
    enrolled: User, second_factor: SecondFactorService, store: MemoryUnitOfWork, clock: Clock
) -> None:
    with pytest.raises(WrongCode):
        second_factor.confirm(confirm(enrolled), wrong(clock), new_command_id())
    assert store.rows.factors[enrolled.id].confirmed_at is None

    second_factor.confirm(confirm(enrolled), code(clock), new_command_id())

    assert store.rows.factors[enrolled.id].confirmed_at
    assert SECRET not in store.rows.factors[enrolled.id].secret
    assert store.audited()[-1] == "second-factor-on"
    with pytest.raises(SecondFactorState):
        second_factor.confirm(confirm(enrolled), code(clock), new_command_id())


def test_the_right_code_opens_the_session_and_is_good_once(
    challenged: User, second_factor: SecondFactorService, store: MemoryUnitOfWork, clock: Clock
) -> None:
    assert answer(second_factor, code(clock)) == SessionResult(user=challenged, session="session-2")
    with pytest.raises(InvalidToken):  # the challenge was used
        answer(second_factor, code(clock))

    store.read(lambda tx: tx.tokens.add("challenge", challenged.id, CHALLENGE))
    with pytest.raises(WrongCode):
        answer(second_factor, code(clock))


def test_a_challenge_takes_five_wrong_codes(
    challenged: User, second_factor: SecondFactorService, clock: Clock
) -> None:
    for _ in range(5):
        with pytest.raises((WrongCode, TooManyAttempts)):
            answer(second_factor, wrong(clock))
    with pytest.raises(InvalidToken):
        answer(second_factor, code(clock))


def test_wrong_codes_make_the_next_one_wait(
    challenged: User, second_factor: SecondFactorService, clock: Clock
) -> None:
    for _ in range(4):
        with pytest.raises(WrongCode):
            answer(second_factor, wrong(clock))

    with pytest.raises(TooManyAttempts):
        answer(second_factor, code(clock))


def test_a_recovery_code_works_once_even_while_codes_wait(
    challenged: User, second_factor: SecondFactorService, store: MemoryUnitOfWork, clock: Clock
) -> None:
    for _ in range(4):
        with pytest.raises(WrongCode):
            answer(second_factor, wrong(clock))

    assert answer(second_factor, RECOVERY.lower()).user == challenged
    assert store.topics()[-1] == "notification.send.email"

    store.read(lambda tx: tx.tokens.add("challenge", challenged.id, CHALLENGE))
    with pytest.raises(WrongCode):
        answer(second_factor, RECOVERY)


def test_renewed_recovery_codes_replace_the_old_ones(
    challenged: User, second_factor: SecondFactorService
) -> None:
    renew = RenewRecoveryCodes(
        id=challenged.id,
        session="session-1",
        password="",
        recovery_hashes=(recovery_hash("NEW-CODE"),),
    )
    second_factor.renew(renew, PASSWORD, new_command_id())

    with pytest.raises(WrongCode):
        answer(second_factor, RECOVERY)
    assert answer(second_factor, "NEW-CODE").user == challenged


def test_once_it_is_off_no_challenge_can_be_answered(
    challenged: User, second_factor: SecondFactorService, store: MemoryUnitOfWork, clock: Clock
) -> None:
    remove = RemoveTotp(id=challenged.id, session="session-1", password="")
    second_factor.remove(remove, PASSWORD, new_command_id())

    assert (store.rows.factors, store.rows.recovery_codes) == ({}, {})
    with pytest.raises(InvalidToken):
        answer(second_factor, code(clock))
    with pytest.raises(SecondFactorState):
        second_factor.remove(remove, PASSWORD, new_command_id())
