"""Reauthentication: the password once more, or a login a few minutes ago."""

from __future__ import annotations

import pytest

from shared.contract.account_commands import OwnAction
from shared.contract.errors import InvalidCredentials, PasswordNeeded, SessionEnded
from shared.contract.messages import User
from tests.unit.user.fakes import PASSWORD, Clock, MemoryUnitOfWork
from user.accounts.model import Credentials
from user.accounts.reauthentication import Reauthentication


def require(
    store: MemoryUnitOfWork,
    reauthentication: Reauthentication,
    user: User,
    checked: Credentials | None,
    session: str = "session-1",
) -> User:
    command = OwnAction(id=user.id, session=session)
    return store.read(lambda tx: reauthentication.require(tx, command, checked))


def test_a_recent_login_does_without_the_password(
    ada: User, store: MemoryUnitOfWork, reauthentication: Reauthentication, clock: Clock
) -> None:
    clock.forward(599)
    assert require(store, reauthentication, ada, None) == ada

    clock.forward(2)
    with pytest.raises(PasswordNeeded):
        require(store, reauthentication, ada, None)


def test_the_password_does_however_old_the_login_is(
    ada: User, store: MemoryUnitOfWork, reauthentication: Reauthentication, clock: Clock
) -> None:
    clock.forward(3600)

    checked = reauthentication.check(ada.id, PASSWORD)

    assert require(store, reauthentication, ada, checked) == ada


@pytest.mark.parametrize(("user_id", "password"), [("user-1", "wrong"), ("user-0", PASSWORD)])
def test_a_wrong_password_and_an_unknown_user_are_refused_alike(
    ada: User, reauthentication: Reauthentication, user_id: str, password: str
) -> None:
    with pytest.raises(InvalidCredentials):
        reauthentication.check(user_id, password)


def test_a_password_changed_since_it_was_checked_does_not(
    ada: User, store: MemoryUnitOfWork, reauthentication: Reauthentication
) -> None:
    checked = reauthentication.check(ada.id, PASSWORD)
    store.read(lambda tx: tx.users.set_password(ada.id, "another hash"))

    with pytest.raises(InvalidCredentials):
        require(store, reauthentication, ada, checked)


def test_a_session_that_has_ended_is_refused_with_the_right_password(
    ada: User, store: MemoryUnitOfWork, reauthentication: Reauthentication
) -> None:
    checked = reauthentication.check(ada.id, PASSWORD)

    with pytest.raises(SessionEnded):
        require(store, reauthentication, ada, checked, session="session-0")
