"""The export: all data of a user, for the user only."""

from __future__ import annotations

import pytest

from shared.contract.account_commands import ExportUser
from shared.contract.errors import SessionEnded
from shared.contract.messages import User
from tests.unit.user.fakes import MemoryUnitOfWork, new_command_id
from user.accounts.export import ExportService


@pytest.fixture
def exports(store: MemoryUnitOfWork) -> ExportService:
    return ExportService(store)


def test_it_has_profile_sessions_and_events_with_itself_among_them(
    ada: User, exports: ExportService
) -> None:
    export = exports.export(ExportUser(id=ada.id, session="session-1"), new_command_id())

    assert export.user == ada
    assert export.second_factor_since is None
    assert [session.id for session in export.sessions] == ["session-1"]
    assert [event.kind for event in export.events] == ["data-exported", "account-created"]


def test_a_second_delivery_is_noted_once_and_shows_the_present_data(
    ada: User, exports: ExportService, store: MemoryUnitOfWork
) -> None:
    query, command_id = ExportUser(id=ada.id, session="session-1"), new_command_id()
    exports.export(query, command_id)
    store.read(lambda tx: tx.users.prove_email(ada.id, ada.email))

    assert exports.export(query, command_id).user.email_verified
    assert store.audited() == ["account-created", "data-exported"]


def test_a_session_that_has_ended_exports_nothing(
    ada: User, exports: ExportService, store: MemoryUnitOfWork
) -> None:
    with pytest.raises(SessionEnded):
        exports.export(ExportUser(id=ada.id, session="session-0"), new_command_id())
    assert store.audited() == ["account-created"]
