"""Passwords: changed with the old one, reset with a mailed token, and needed for a deletion."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.contract.account_commands import (
    ChangePassword,
    DeleteUser,
    ForgotPassword,
    ResetPassword,
)
from shared.contract.errors import InvalidCredentials, InvalidToken, SessionEnded, WeakPassword
from shared.contract.messages import MailedToken, RegisterUser, Sealed, User
from tests.unit.user.fakes import (
    PASSWORD,
    Clock,
    MemoryUnitOfWork,
    hash_of,
    in_a_day,
    new_command_id,
    new_session,
)
from user.accounts.passwords import PasswordService
from user.accounts.reauthentication import Reauthentication
from user.accounts.registration import RegistrationService
from user.security.password_hasher import PasswordHasher

NEW = "another horse entirely"
RESET = ResetPassword(token=hash_of("reset"), password="")


@pytest.fixture
def passwords(
    store: MemoryUnitOfWork, hasher: PasswordHasher, reauthentication: Reauthentication
) -> PasswordService:
    return PasswordService(store, hasher, reauthentication)


def forgot(email: str, expires_at: datetime | None = None) -> ForgotPassword:
    token = MailedToken(
        hash=RESET.token, expires_at=expires_at or in_a_day(), sealed=Sealed(kid="k", sealed="s")
    )
    return ForgotPassword(email=email, token=token)


def change(user: User) -> ChangePassword:
    return ChangePassword(id=user.id, session="session-1", current="", new="")


def has_password(store: MemoryUnitOfWork, user: User, password: str) -> bool:
    return PasswordHasher(4).verify(password, store.rows.users[user.id].password_hash)


def test_a_change_keeps_only_the_session_that_asked(
    ada: User, passwords: PasswordService, store: MemoryUnitOfWork
) -> None:
    store.read(lambda tx: tx.sessions.add(ada.id, new_session("session-2")))

    revoked = passwords.change(change(ada), PASSWORD, NEW, new_command_id())

    assert revoked.ended == ("session-2",)
    assert store.read(lambda tx: tx.sessions.is_active(ada.id, "session-1"))
    assert has_password(store, ada, NEW)
    assert store.topics() == ["notification.send.email"]


@pytest.mark.parametrize(
    ("current", "new", "refusal"),
    [("wrong", NEW, InvalidCredentials), (PASSWORD, "ada@example.com", WeakPassword)],
)
def test_a_change_that_is_refused_changes_nothing(
    ada: User,
    passwords: PasswordService,
    store: MemoryUnitOfWork,
    current: str,
    new: str,
    refusal: type[Exception],
) -> None:
    with pytest.raises(refusal):
        passwords.change(change(ada), current, new, new_command_id())
    assert has_password(store, ada, PASSWORD)


def test_a_reset_works_once_revokes_all_sessions_and_verifies_the_address(
    ada: User, passwords: PasswordService, store: MemoryUnitOfWork
) -> None:
    passwords.forgot(forgot("ADA@example.com"), new_command_id())
    assert store.topics() == ["notification.send.password-reset"]

    assert passwords.reset(RESET, NEW, new_command_id()).ended == ("session-1",)
    assert has_password(store, ada, NEW)
    assert store.rows.users[ada.id].user.email_verified
    with pytest.raises(InvalidToken):
        passwords.reset(RESET, "a third horse here", new_command_id())


def test_a_weak_password_leaves_the_token_good(
    ada: User, passwords: PasswordService, store: MemoryUnitOfWork
) -> None:
    passwords.forgot(forgot(ada.email), new_command_id())

    for weak in ("password1", ada.email):
        with pytest.raises(WeakPassword):
            passwords.reset(RESET, weak, new_command_id())
    passwords.reset(RESET, NEW, new_command_id())
    assert has_password(store, ada, NEW)


def test_a_token_that_has_expired_is_not_taken(
    ada: User, passwords: PasswordService, clock: Clock
) -> None:
    passwords.forgot(forgot(ada.email), new_command_id())
    clock.forward(24 * 3600 + 60)

    with pytest.raises(InvalidToken):
        passwords.reset(RESET, NEW, new_command_id())


@pytest.mark.parametrize("email", ["ada@example.com", "un@example.com"])
def test_an_unknown_address_or_a_dead_token_is_mailed_nothing(
    ada: User, passwords: PasswordService, store: MemoryUnitOfWork, email: str
) -> None:
    dead = datetime.now(UTC) - timedelta(seconds=1)
    expires_at = dead if email == ada.email else in_a_day()

    passwords.forgot(forgot(email, expires_at), new_command_id())

    assert store.published == []


def test_a_deletion_takes_all_data_of_the_user_along(
    passwords: PasswordService, registration: RegistrationService, store: MemoryUnitOfWork
) -> None:
    registered = new_command_id()
    command = RegisterUser(email="b@example.com", password="", session=new_session("session-1"))
    bob = registration.register(command, PASSWORD, registered)
    delete = DeleteUser(id=bob.id, session="session-1", password="")

    with pytest.raises(InvalidCredentials):
        passwords.delete(delete, "wrong", new_command_id())
    assert passwords.delete(delete, PASSWORD, new_command_id()).ended == ("session-1",)

    assert (store.rows.users, store.rows.sessions) == ({}, {})
    assert store.audited()[-1] == "account-deleted"
    assert store.topics() == ["notification.send.email"]
    with pytest.raises(SessionEnded):  # its stored reply had the profile
        registration.register(command, PASSWORD, registered)
