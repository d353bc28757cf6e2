"""Profiles: found by id or e-mail, and changed member by member."""

from __future__ import annotations

import pytest

from shared.contract.errors import EmailTaken, Refusal, SessionEnded, UserNotFound
from shared.contract.messages import FindUser, NewToken, RegisterUser, UpdateUser, User
from tests.unit.user.fakes import PASSWORD, MemoryUnitOfWork, hash_of, in_a_day, new_command_id
from user.accounts.profiles import ProfileService
from user.accounts.registration import RegistrationService


@pytest.fixture
def profiles(store: MemoryUnitOfWork) -> ProfileService:
    return ProfileService(store)


def test_a_user_is_found_by_id_or_email(ada: User, profiles: ProfileService) -> None:
    assert profiles.find(FindUser(id=ada.id)) == ada
    assert profiles.find(FindUser(email="ADA@example.com")) == ada
    assert profiles.find(FindUser(id=ada.id, session="session-1")) == ada


@pytest.mark.parametrize("query", [FindUser(id="user-0"), FindUser(email="un@example.com")])
def test_an_unknown_user_is_not_found(ada: User, profiles: ProfileService, query: FindUser) -> None:
    with pytest.raises(UserNotFound):
        profiles.find(query)


def test_a_query_with_neither_id_nor_email_is_a_bad_message(profiles: ProfileService) -> None:
    with pytest.raises(Refusal) as refused:
        profiles.find(FindUser())
    assert (refused.value.code, refused.value.status) == ("bad-message", 400)


def test_a_session_that_has_ended_finds_and_changes_nothing(
    ada: User, profiles: ProfileService
) -> None:
    with pytest.raises(SessionEnded):
        profiles.find(FindUser(id=ada.id, session="session-0"))
    with pytest.raises(SessionEnded):
        profiles.update(UpdateUser(id=ada.id, name="X", session="session-0"), new_command_id())
    assert profiles.find(FindUser(id=ada.id)) == ada


def test_a_member_that_is_absent_from_an_update_stays(ada: User, profiles: ProfileService) -> None:
    moved = UpdateUser(id=ada.id, email="a@example.com")

    assert profiles.update(moved, new_command_id()).name == "Ada"
    cleared = profiles.update(UpdateUser(id=ada.id, name=None), new_command_id())
    assert (cleared.name, cleared.email) == (None, "a@example.com")


def test_a_change_of_email_invalidates_what_was_mailed_to_the_former_address(
    ada: User, profiles: ProfileService, store: MemoryUnitOfWork
) -> None:
    token = NewToken(hash=hash_of("reset"), expires_at=in_a_day())
    store.read(lambda tx: tx.tokens.add("reset", ada.id, token))

    profiles.update(UpdateUser(id=ada.id, email="a@example.com"), new_command_id())

    assert store.rows.tokens == {}


def test_an_email_of_another_user_is_refused(
    ada: User, profiles: ProfileService, registration: RegistrationService
) -> None:
    other = RegisterUser(email="bob@example.com", password="")
    registration.register(other, PASSWORD, new_command_id())

    with pytest.raises(EmailTaken):
        profiles.update(UpdateUser(id=ada.id, email="Bob@example.com"), new_command_id())


def test_an_unknown_user_cannot_be_updated(profiles: ProfileService) -> None:
    with pytest.raises(UserNotFound):
        profiles.update(UpdateUser(id="user-0", name="X"), new_command_id())
