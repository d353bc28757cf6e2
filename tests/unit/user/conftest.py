"""Users to test the use cases with."""

from __future__ import annotations

import pytest

from shared.contract.messages import RegisterUser, User
from tests.unit.user.fakes import PASSWORD, Clock, MemoryUnitOfWork, new_command_id, new_session
from user.accounts.reauthentication import Reauthentication
from user.accounts.registration import RegistrationService
from user.security.password_hasher import PasswordHasher


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> MemoryUnitOfWork:
    return MemoryUnitOfWork(clock)


@pytest.fixture(scope="session")
def hasher() -> PasswordHasher:
    return PasswordHasher(4)


@pytest.fixture
def registration(store: MemoryUnitOfWork, hasher: PasswordHasher) -> RegistrationService:
    ids = iter(f"user-{number}" for number in range(1, 100))
    return RegistrationService(store, hasher, lambda: next(ids))


@pytest.fixture
def reauthentication(store: MemoryUnitOfWork, hasher: PasswordHasher) -> Reauthentication:
    return Reauthentication(store, hasher, recent_s=600)


@pytest.fixture
def ada(store: MemoryUnitOfWork, registration: RegistrationService) -> User:
    """Register a user, signed in with ``session-1``."""
    command = RegisterUser(
        email="ada@example.com", password="", name="Ada", session=new_session("session-1")
    )
    return registration.register(command, PASSWORD, new_command_id())
