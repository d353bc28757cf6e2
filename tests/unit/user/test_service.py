"""The rules of accounts, with a store in memory."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import pytest

from shared.errors import EmailTaken, InvalidCredentials, Refusal, UserNotFound
from shared.messages import FindUser, NewSession, RegisterUser, UpdateUser, User, ValidateUser
from user.model import Credentials, MessageName
from user.service import Accounts, Transaction

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SESSION = NewSession(id="session-1", refresh_token_hash="0" * 64, expires_at=NOW)


class PlainHashes:
    """Hashes that a test can read."""

    def hash(self, password: str) -> str:
        return f"hash of {password}"

    def verify(self, password: str, stored: str | None) -> bool:
        return stored in {f"hash of {password}", f"old hash of {password}"}

    def outdated(self, stored: str) -> bool:
        return stored.startswith("old")


class MemoryStore:
    """What is stored, in dictionaries; the store and its own transaction."""

    def __init__(self) -> None:
        self.users: dict[str, Credentials] = {}
        self.sessions: dict[str, str] = {}
        self.outcomes: dict[MessageName, User | Refusal] = {}

    def user(self, id: str) -> User | None:  # noqa: A002 - as the protocol names it
        return self.users[id].user if id in self.users else None

    def credentials(self, email: str) -> Credentials | None:
        return next((c for c in self.users.values() if c.user.email == email), None)

    def once(self, name: MessageName, change: Callable[[Transaction], User]) -> User:
        if name not in self.outcomes:
            try:
                self.outcomes[name] = change(self)
            except Refusal as refusal:
                self.outcomes[name] = refusal
        outcome = self.outcomes[name]
        if isinstance(outcome, Refusal):
            raise outcome
        return outcome

    def add_user(self, id: str, email: str, password_hash: str, name: str | None) -> User | None:  # noqa: A002
        if self.credentials(email):
            return None
        user = User(
            id=id, email=email, name=name, email_verified=False, created_at=NOW, updated_at=NOW
        )
        self.users[id] = Credentials(user, password_hash)
        return user

    def add_session(self, user_id: str, session: NewSession) -> None:
        self.sessions[session.id] = user_id

    def replace_password(self, credentials: Credentials, password_hash: str) -> None:
        self.users[credentials.user.id] = Credentials(credentials.user, password_hash)

    def update_user(self, change: UpdateUser) -> User | None:
        found = self.users.get(change.id)
        if found is None:
            return None
        name = found.user.name if change.name is msgspec.UNSET else change.name
        user = msgspec.structs.replace(found.user, name=name)
        self.users[change.id] = Credentials(user, found.password_hash)
        return user


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def accounts(store: MemoryStore) -> Accounts:
    ids = iter(f"user-{n}" for n in range(1, 100))
    return Accounts(store, PlainHashes(), lambda: next(ids))


def register(accounts: Accounts, message: str = "m1", email: str = "ada@example.com") -> User:
    command = RegisterUser(email=email, password="", name="Ada", session=SESSION)
    return accounts.register(command, "password", MessageName("user.register", message))


def test_an_account_comes_with_its_first_session(accounts: Accounts, store: MemoryStore) -> None:
    user = register(accounts)

    assert (user.email, user.name, user.email_verified) == ("ada@example.com", "Ada", False)
    assert store.sessions == {"session-1": user.id}
    assert store.users[user.id].password_hash == "hash of password"


def test_an_email_has_one_account(accounts: Accounts) -> None:
    register(accounts)

    with pytest.raises(EmailTaken):
        register(accounts, "m2")


def test_a_command_that_comes_twice_happens_once(accounts: Accounts, store: MemoryStore) -> None:
    assert register(accounts) == register(accounts)
    assert len(store.users) == 1


def test_the_right_password_opens_the_session(accounts: Accounts, store: MemoryStore) -> None:
    user = register(accounts)
    session = NewSession(id="session-2", refresh_token_hash="1" * 64, expires_at=NOW)
    command = ValidateUser(email=user.email, password="", session=session)

    assert accounts.validate(command, "password", MessageName("user.validate", "m2")) == user
    assert store.sessions["session-2"] == user.id


@pytest.mark.parametrize(
    ("email", "password"), [("ada@example.com", "wrong"), ("who@example.com", "password")]
)
def test_a_wrong_password_and_an_unknown_email_are_refused_alike(
    accounts: Accounts, store: MemoryStore, email: str, password: str
) -> None:
    register(accounts)
    command = ValidateUser(email=email, password="", session=SESSION)

    with pytest.raises(InvalidCredentials) as refused:
        accounts.validate(command, password, MessageName("user.validate", "m2"))
    assert refused.value.message == InvalidCredentials().message
    assert list(store.sessions) == ["session-1"]


def test_a_login_without_a_session_changes_nothing(accounts: Accounts, store: MemoryStore) -> None:
    user = register(accounts)
    command = ValidateUser(email=user.email, password="")

    assert accounts.validate(command, "password", MessageName("user.validate", "m2")) == user
    assert MessageName("user.validate", "m2") not in store.outcomes


def test_an_outdated_hash_is_renewed_at_login(accounts: Accounts, store: MemoryStore) -> None:
    user = register(accounts)
    store.users[user.id] = Credentials(user, "old hash of password")

    command = ValidateUser(email=user.email, password="")
    accounts.validate(command, "password", MessageName("user.validate", "m2"))

    assert store.users[user.id].password_hash == "hash of password"


def test_a_user_is_found_by_id_or_email(accounts: Accounts) -> None:
    user = register(accounts)

    assert accounts.find(FindUser(id=user.id)) == user
    assert accounts.find(FindUser(email=user.email)) == user


@pytest.mark.parametrize("query", [FindUser(id="nobody"), FindUser(email="who@example.com")])
def test_nobody_is_found_as_nobody(accounts: Accounts, query: FindUser) -> None:
    with pytest.raises(UserNotFound):
        accounts.find(query)


def test_a_question_without_a_name_is_a_bad_message(accounts: Accounts) -> None:
    with pytest.raises(Refusal) as refused:
        accounts.find(FindUser())
    assert (refused.value.code, refused.value.status) == ("bad-message", 400)


def test_what_is_absent_from_an_update_stays(accounts: Accounts) -> None:
    user = register(accounts)

    assert accounts.update(UpdateUser(id=user.id), MessageName("user.update", "m2")).name == "Ada"
    cleared = accounts.update(UpdateUser(id=user.id, name=None), MessageName("user.update", "m3"))
    assert cleared.name is None


def test_nobody_cannot_be_updated(accounts: Accounts) -> None:
    with pytest.raises(UserNotFound):
        accounts.update(UpdateUser(id="nobody", name="X"), MessageName("user.update", "m1"))
