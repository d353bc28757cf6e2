"""E-mail addresses: an address counts once the token that was mailed there comes back."""

from __future__ import annotations

import pytest

from shared.contract.account_commands import ChangeEmail, SendVerification, VerifyEmail
from shared.contract.errors import EmailTaken, InvalidToken
from shared.contract.messages import MailedToken, NewToken, RegisterUser, Sealed, User
from tests.unit.user.fakes import PASSWORD, MemoryUnitOfWork, hash_of, in_a_day, new_command_id
from user.accounts.emails import EmailService
from user.accounts.reauthentication import Reauthentication
from user.accounts.registration import RegistrationService

TOKEN = MailedToken(
    hash=hash_of("verify"), expires_at=in_a_day(), sealed=Sealed(kid="k", sealed="s")
)
VERIFY = VerifyEmail(token=TOKEN.hash)


@pytest.fixture
def emails(store: MemoryUnitOfWork, reauthentication: Reauthentication) -> EmailService:
    return EmailService(store, reauthentication)


@pytest.fixture
def bob(registration: RegistrationService) -> User:
    command = RegisterUser(email="bob@example.com", password="")
    return registration.register(command, PASSWORD, new_command_id())


def change(user: User, email: str, *, quiet: bool = False) -> ChangeEmail:
    return ChangeEmail(id=user.id, session="session-1", email=email, token=TOKEN, quiet=quiet)


def test_a_token_that_comes_back_verifies_the_address_once(
    ada: User, emails: EmailService, store: MemoryUnitOfWork
) -> None:
    emails.send_verification(SendVerification(email=ada.email, token=TOKEN), new_command_id())
    assert store.topics() == ["notification.send.email"]

    assert emails.verify(VERIFY, new_command_id()).email_verified
    assert store.audited()[-1] == "email-verified"
    with pytest.raises(InvalidToken):
        emails.verify(VERIFY, new_command_id())


def test_an_unknown_or_verified_address_is_mailed_nothing(
    ada: User, emails: EmailService, store: MemoryUnitOfWork
) -> None:
    store.read(lambda tx: tx.users.prove_email(ada.id, ada.email))

    for email in (ada.email, "un@example.com"):
        emails.send_verification(SendVerification(email=email, token=TOKEN), new_command_id())

    assert store.published == []


def test_a_new_address_counts_once_its_token_comes_back(
    ada: User, emails: EmailService, store: MemoryUnitOfWork
) -> None:
    asked = emails.change(change(ada, "new@example.com"), None, new_command_id())
    assert asked.email == ada.email
    reset = NewToken(hash=hash_of("reset"), expires_at=in_a_day())
    store.read(lambda tx: tx.tokens.add("reset", ada.id, reset))

    changed = emails.verify(VERIFY, new_command_id())

    assert (changed.email, changed.email_verified) == ("new@example.com", True)
    assert store.rows.tokens == {}  # what was mailed to the former address
    assert store.audited()[-2:] == ["email-change-asked", "email-changed"]
    assert len(store.published) == 2  # the token to the new address, a notice to the former one


def test_another_spelling_of_the_address_needs_no_mail(
    ada: User, emails: EmailService, store: MemoryUnitOfWork
) -> None:
    assert emails.change(change(ada, "Ada@Example.com"), None, new_command_id()).email == (
        "Ada@Example.com"
    )
    assert store.published == []


def test_an_address_of_another_user_is_refused_or_quietly_mailed(
    ada: User, bob: User, emails: EmailService, store: MemoryUnitOfWork
) -> None:
    with pytest.raises(EmailTaken):
        emails.change(change(ada, bob.email), None, new_command_id())
    assert store.published == []

    emails.change(change(ada, bob.email, quiet=True), None, new_command_id())
    assert [event.key for event in store.published] == [bob.id]
    assert store.rows.tokens == {}


def test_an_address_that_was_taken_meanwhile_is_refused(
    ada: User, emails: EmailService, registration: RegistrationService
) -> None:
    emails.change(change(ada, "new@example.com"), None, new_command_id())
    taken = RegisterUser(email="new@example.com", password="")
    registration.register(taken, PASSWORD, new_command_id())

    with pytest.raises(EmailTaken):
        emails.verify(VERIFY, new_command_id())
