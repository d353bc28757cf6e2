"""Sessions: a refresh token is used once, and a session that was revoked stays so."""

from __future__ import annotations

import pytest

from shared.contract.account_commands import EndSessions, ListSessions, Refresh, SessionResult
from shared.contract.errors import Refusal, SessionEnded
from shared.contract.messages import RegisterUser, User
from tests.unit.user.fakes import (
    PASSWORD,
    Clock,
    MemoryUnitOfWork,
    hash_of,
    new_command_id,
    new_session,
)
from user.accounts.registration import RegistrationService
from user.accounts.sessions import SessionService

GRACE_S, LONGEST_S = 5, 3600


@pytest.fixture
def sessions(store: MemoryUnitOfWork, clock: Clock) -> SessionService:
    return SessionService(store, grace_s=GRACE_S, longest_s=LONGEST_S, now=clock)


def sign_in(store: MemoryUnitOfWork, user: User, session: str) -> None:
    store.read(lambda tx: tx.sessions.add(user.id, new_session(session)))


def refresh(sessions: SessionService, spent: str, successor: str) -> SessionResult:
    command = Refresh(refresh_token_hash=hash_of(spent), successor=new_session(successor))
    return sessions.refresh(command, new_command_id())


def end(user: User, which: str | None = None, refresh_token: str | None = None) -> EndSessions:
    token_hash = hash_of(refresh_token) if refresh_token else None
    return EndSessions(id=user.id, session="session-1", which=which, refresh_token_hash=token_hash)


def test_a_refresh_token_is_spent_for_its_successor(ada: User, sessions: SessionService) -> None:
    assert refresh(sessions, "session-1", "second") == SessionResult(user=ada, session="session-1")
    assert refresh(sessions, "second", "third") == SessionResult(user=ada, session="session-1")


def test_a_client_that_lost_a_race_has_the_same_successor(
    ada: User, sessions: SessionService, clock: Clock
) -> None:
    first = refresh(sessions, "session-1", "second")
    clock.forward(GRACE_S - 1)

    assert refresh(sessions, "session-1", "second") == first


def test_a_spent_token_that_comes_back_revokes_its_session(
    ada: User, sessions: SessionService, store: MemoryUnitOfWork, clock: Clock
) -> None:
    refresh(sessions, "session-1", "second")
    clock.forward(GRACE_S + 1)

    assert refresh(sessions, "session-1", "second") == SessionResult(ended=("session-1",))
    with pytest.raises(SessionEnded):
        refresh(sessions, "second", "third")
    assert store.audited()[-1] == "refresh-token-reused"
    assert store.topics() == ["notification.send.email"]


def test_a_successor_of_another_key_in_the_grace_period_revokes_nothing(
    ada: User, sessions: SessionService, store: MemoryUnitOfWork
) -> None:
    refresh(sessions, "session-1", "second")

    with pytest.raises(SessionEnded):
        refresh(sessions, "session-1", "of another key")
    assert store.read(lambda tx: tx.sessions.is_active(ada.id, "session-1"))


def test_a_session_ends_some_time_after_its_login_however_often_it_is_refreshed(
    ada: User, sessions: SessionService, clock: Clock
) -> None:
    clock.forward(LONGEST_S - 1)
    refresh(sessions, "session-1", "second")
    clock.forward(2)

    with pytest.raises(SessionEnded):
        refresh(sessions, "second", "third")


def test_an_unknown_token_is_refused(ada: User, sessions: SessionService) -> None:
    with pytest.raises(SessionEnded):
        refresh(sessions, "unknown", "second")


def test_the_list_has_the_active_sessions_the_last_used_first(
    ada: User, sessions: SessionService, store: MemoryUnitOfWork, clock: Clock
) -> None:
    for name in ("session-2", "session-3"):
        clock.forward(1)
        sign_in(store, ada, name)
    sessions.end(end(ada, "session-2"), new_command_id())

    found = sessions.list(ListSessions(id=ada.id, session="session-1")).sessions
    assert [session.id for session in found] == ["session-3", "session-1"]
    with pytest.raises(SessionEnded):
        sessions.list(ListSessions(id=ada.id, session="session-2"))


def test_a_sign_out_revokes_one_session_or_all(
    ada: User, sessions: SessionService, store: MemoryUnitOfWork
) -> None:
    for name in ("session-2", "session-3"):
        sign_in(store, ada, name)

    assert sessions.end(end(ada, "session-2"), new_command_id()).ended == ("session-2",)
    assert sessions.end(end(ada), new_command_id()).ended == ("session-1", "session-3")
    with pytest.raises(SessionEnded):
        sessions.end(end(ada), new_command_id())


def test_a_session_that_is_not_there_cannot_be_ended(ada: User, sessions: SessionService) -> None:
    with pytest.raises(Refusal) as refused:
        sessions.end(end(ada, "session-9"), new_command_id())
    assert refused.value.code == "session-not-found"


def test_a_refresh_token_of_another_user_ends_nothing_of_theirs(
    ada: User, sessions: SessionService, registration: RegistrationService, store: MemoryUnitOfWork
) -> None:
    command = RegisterUser(email="b@example.com", password="", session=new_session("of-bob"))
    bob = registration.register(command, PASSWORD, new_command_id())

    ended = sessions.end(end(ada, "session-1", refresh_token="of-bob"), new_command_id()).ended

    assert ended == ("session-1",)
    assert store.read(lambda tx: tx.sessions.is_active(bob.id, "of-bob"))
