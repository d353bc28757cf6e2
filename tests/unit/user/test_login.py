"""Login: what the right password opens, and what a wrong one shows."""

from __future__ import annotations

import pytest

from shared.contract.errors import (
    EmailNotVerified,
    InvalidCredentials,
    Refusal,
    SecondFactorNeeded,
)
from shared.contract.messages import NewToken, User, ValidateUser
from tests.unit.user.fakes import (
    PASSWORD,
    MemoryUnitOfWork,
    hash_of,
    in_a_day,
    new_command_id,
    new_session,
)
from user.accounts.login import LoginService
from user.accounts.model import SignUp
from user.security.password_hasher import PasswordHasher


@pytest.fixture
def login(store: MemoryUnitOfWork, hasher: PasswordHasher) -> LoginService:
    return LoginService(store, hasher)


def validate(email: str, challenge: NewToken | None = None) -> ValidateUser:
    session = new_session("session-2")
    return ValidateUser(email=email, password="", session=session, challenge=challenge)


def is_signed_in(store: MemoryUnitOfWork, user: User, session: str = "session-2") -> bool:
    return store.read(lambda tx: tx.sessions.is_active(user.id, session))


def test_the_right_password_opens_the_session(
    ada: User, login: LoginService, store: MemoryUnitOfWork
) -> None:
    assert login.validate(validate(ada.email), PASSWORD, new_command_id()) == ada
    assert is_signed_in(store, ada)
    assert store.audited() == ["account-created", "signed-in"]


@pytest.mark.parametrize(
    ("email", "password"), [("ada@example.com", "wrong"), ("un@example.com", PASSWORD)]
)
def test_a_wrong_password_and_an_unknown_email_are_refused_alike(
    ada: User, login: LoginService, store: MemoryUnitOfWork, email: str, password: str
) -> None:
    with pytest.raises(InvalidCredentials) as refused:
        login.validate(validate(email), password, new_command_id())
    assert refused.value.message == InvalidCredentials().message
    assert not is_signed_in(store, ada)
    assert store.audited() == ["account-created", "sign-in-refused"]


def test_a_login_without_a_session_opens_none(
    ada: User, login: LoginService, store: MemoryUnitOfWork
) -> None:
    command = ValidateUser(email=ada.email, password="")

    assert login.validate(command, PASSWORD, new_command_id()) == ada
    assert len(store.rows.sessions) == 1


def test_a_password_changed_since_it_was_checked_opens_nothing(
    ada: User, store: MemoryUnitOfWork, hasher: PasswordHasher
) -> None:
    class ChangedMeanwhile(PasswordHasher):
        def verify(self, password: str, stored: str | None) -> bool:
            right = super().verify(password, stored)
            store.read(lambda tx: tx.users.set_password(ada.id, "another hash"))
            return right

    with pytest.raises(InvalidCredentials):
        LoginService(store, ChangedMeanwhile(4)).validate(
            validate(ada.email), PASSWORD, new_command_id()
        )
    assert not is_signed_in(store, ada)


def test_with_a_second_factor_the_password_opens_a_challenge_only(
    ada: User, login: LoginService, store: MemoryUnitOfWork
) -> None:
    store.read(lambda tx: tx.second_factors.enrol(ada.id, "{}"))
    store.read(lambda tx: tx.second_factors.confirm(ada.id, 1, ()))
    challenge = NewToken(hash=hash_of("challenge"), expires_at=in_a_day())

    with pytest.raises(SecondFactorNeeded):
        login.validate(validate(ada.email, challenge), PASSWORD, new_command_id())
    assert store.read(lambda tx: tx.tokens.find("challenge", challenge.hash))
    assert not is_signed_in(store, ada)


@pytest.mark.parametrize(
    ("sign_up", "refusal"), [("verified", EmailNotVerified), ("private", InvalidCredentials)]
)
def test_signing_in_can_wait_for_the_verified_address(
    ada: User,
    store: MemoryUnitOfWork,
    hasher: PasswordHasher,
    sign_up: SignUp,
    refusal: type[Refusal],
) -> None:
    login = LoginService(store, hasher, sign_up)

    with pytest.raises(refusal):
        login.validate(validate(ada.email), PASSWORD, new_command_id())

    store.read(lambda tx: tx.users.prove_email(ada.id, ada.email))
    assert login.validate(validate(ada.email), PASSWORD, new_command_id()).email_verified


def test_an_outdated_hash_is_renewed_at_login(
    ada: User, login: LoginService, store: MemoryUnitOfWork, hasher: PasswordHasher
) -> None:
    outdated = PasswordHasher(5).hash(PASSWORD)
    store.read(lambda tx: tx.users.set_password(ada.id, outdated))

    login.validate(validate(ada.email), PASSWORD, new_command_id())

    renewed = store.rows.users[ada.id].password_hash
    assert not hasher.outdated(renewed)
    assert hasher.verify(PASSWORD, renewed)
