"""Registration: one account for an e-mail, and the mail that goes with it."""

from __future__ import annotations

import pytest

from shared.contract.errors import EmailTaken
from shared.contract.messages import NewToken, RegisterUser, Sealed, User
from tests.unit.user.fakes import (
    PASSWORD,
    MemoryUnitOfWork,
    hash_of,
    in_a_day,
    new_command_id,
    new_session,
)
from user.accounts.registration import RegistrationService
from user.security.password_hasher import PasswordHasher

WELCOME = Sealed(kid="k", sealed="s")


def test_an_account_comes_with_its_first_session(
    ada: User, store: MemoryUnitOfWork, hasher: PasswordHasher
) -> None:
    assert (ada.email, ada.name, ada.email_verified) == ("ada@example.com", "Ada", False)
    assert store.read(lambda tx: tx.sessions.is_active(ada.id, "session-1"))
    assert hasher.verify(PASSWORD, store.rows.users[ada.id].password_hash)
    assert store.audited() == ["account-created"]


def test_an_email_has_one_account_in_any_case_of_letters(
    ada: User, registration: RegistrationService, store: MemoryUnitOfWork
) -> None:
    command = RegisterUser(email="Ada@Example.com", password="", session=new_session("session-2"))

    with pytest.raises(EmailTaken):
        registration.register(command, PASSWORD, new_command_id())
    assert list(store.rows.users) == [ada.id]
    assert store.published == []


def test_a_command_that_comes_twice_is_carried_out_once(
    registration: RegistrationService, store: MemoryUnitOfWork
) -> None:
    command, command_id = RegisterUser(email="a@example.com", password=""), new_command_id()

    first = registration.register(command, PASSWORD, command_id)

    assert registration.register(command, PASSWORD, command_id) == first
    assert len(store.rows.users) == 1


def test_the_welcome_is_published_at_every_delivery(
    registration: RegistrationService, store: MemoryUnitOfWork
) -> None:
    command_id = new_command_id()
    verification = NewToken(hash=hash_of("verification"), expires_at=in_a_day())
    command = RegisterUser(
        email="a@example.com", password="", verification=verification, welcome=WELCOME
    )

    for _ in range(2):
        user = registration.register(command, PASSWORD, command_id)

    assert store.topics() == ["notification.send.welcome"] * 2
    token = store.read(lambda tx: tx.tokens.find("verify", verification.hash))
    assert token is not None
    assert (token.user_id, token.email) == (user.id, "a@example.com")


def test_a_private_registration_mails_the_owner_that_the_email_is_taken(
    ada: User, registration: RegistrationService, store: MemoryUnitOfWork
) -> None:
    command = RegisterUser(email=ada.email, password="", welcome=WELCOME)

    with pytest.raises(EmailTaken):
        registration.register(command, PASSWORD, new_command_id())
    assert store.topics() == ["notification.send.email"]
