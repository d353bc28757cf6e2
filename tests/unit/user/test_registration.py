"""The rules of accounts, with a store in memory."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
import pytest

from shared.contract.errors import (
    EmailNotVerified,
    EmailTaken,
    InvalidCredentials,
    Refusal,
    SecondFactorNeeded,
    SessionEnded,
    UserNotFound,
)
from shared.contract.messages import (
    FindUser,
    Message,
    NewSession,
    NewToken,
    RegisterUser,
    Sealed,
    UpdateUser,
    User,
    ValidateUser,
)
from user.accounts.login import LoginService
from user.accounts.model import (
    AuditEvent,
    CommandId,
    Credentials,
    Event,
    Purpose,
    SignUp,
    StoredFactor,
)
from user.accounts.profiles import ProfileService
from user.accounts.registration import RegistrationService

NOW = datetime(2026, 11, 22, tzinfo=UTC)
M = TypeVar("M", bound=Message)
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
        self.outcomes: dict[CommandId, Message | Refusal] = {}
        self.audited: list[str] = []
        self.sent: list[str] = []
        self.tokens: dict[str, str] = {}
        self.factor: StoredFactor | None = None

    def user(self, user_id: str, session: str | None = None) -> User | None:
        lives = session is None or self.session_lives(user_id, session)
        return self.users[user_id].user if user_id in self.users and lives else None

    def credentials(self, email: str) -> Credentials | None:
        return next((c for c in self.users.values() if c.user.email == email), None)

    def run_once(
        self, command_id: CommandId, change: Callable[[Any], M | Refusal], kind: type[M]
    ) -> M:
        if command_id not in self.outcomes:
            try:
                self.outcomes[command_id] = change(self)
            except Refusal as refusal:
                self.outcomes[command_id] = refusal
        outcome = self.outcomes[command_id]
        if isinstance(outcome, Refusal):
            raise outcome
        assert isinstance(outcome, kind)
        return outcome

    def audit(self, event: AuditEvent) -> None:
        self.audited.append(event.kind)

    def send(self, event: Event) -> None:
        self.sent.append(event.topic)

    def lock_user(self, user_id: str) -> Credentials | None:
        return self.users.get(user_id)

    def session_lives(self, user_id: str, session: str) -> bool:
        return self.sessions.get(session) == user_id

    def add_token(
        self, purpose: Purpose, user_id: str, token: NewToken, email: str | None = None
    ) -> None:
        self.tokens[token.hash] = purpose

    def drop_tokens(self, user_id: str, *purposes: Purpose) -> None:
        self.tokens = {
            name: purpose for name, purpose in self.tokens.items() if purpose not in purposes
        }

    def second_factor(self, user_id: str) -> StoredFactor | None:
        return self.factor

    def add_user(
        self, user_id: str, email: str, password_hash: str, name: str | None
    ) -> User | None:
        if self.credentials(email):
            return None
        user = User(
            id=user_id, email=email, name=name, email_verified=False, created_at=NOW, updated_at=NOW
        )
        self.users[user_id] = Credentials(user, password_hash)
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


class Accounts:
    """Registration, login and profiles, with one store."""

    def __init__(
        self, store: Any, hashes: PlainHashes, new_id: Callable[[], str], sign_up: SignUp = "open"
    ) -> None:
        self.register = RegistrationService(store, hashes, new_id).register
        self.validate = LoginService(store, hashes, sign_up).validate
        profiles = ProfileService(store)
        self.find, self.update = profiles.find, profiles.update


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def accounts(store: MemoryStore) -> Accounts:
    ids = iter(f"user-{n}" for n in range(1, 100))
    return Accounts(store, PlainHashes(), lambda: next(ids))


def register(accounts: Accounts, message: str = "m1", email: str = "ada@example.com") -> User:
    command = RegisterUser(email=email, password="", name="Ada", session=SESSION)
    return accounts.register(command, "password", CommandId("user.register", message))


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

    assert accounts.validate(command, "password", CommandId("user.validate", "m2")) == user
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
        accounts.validate(command, password, CommandId("user.validate", "m2"))
    assert refused.value.message == InvalidCredentials().message
    assert list(store.sessions) == ["session-1"]


def test_a_login_without_a_session_opens_none(accounts: Accounts, store: MemoryStore) -> None:
    user = register(accounts)
    command = ValidateUser(email=user.email, password="")

    assert accounts.validate(command, "password", CommandId("user.validate", "m2")) == user
    assert list(store.sessions) == ["session-1"]
    assert store.audited == ["account-created", "signed-in"]


def test_a_password_changed_since_it_was_checked_opens_nothing(
    accounts: Accounts, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = register(accounts)
    changed = Credentials(user, "hash of another")
    monkeypatch.setattr(store, "lock_user", lambda _: changed)
    session = NewSession(id="session-2", refresh_token_hash="1" * 64, expires_at=NOW)
    command = ValidateUser(email=user.email, password="", session=session)

    with pytest.raises(InvalidCredentials):
        accounts.validate(command, "password", CommandId("user.validate", "m2"))
    assert "session-2" not in store.sessions


def test_with_a_second_factor_the_password_opens_a_challenge_only(
    accounts: Accounts, store: MemoryStore
) -> None:
    user = register(accounts)
    store.factor = StoredFactor("", NOW, 0, 0, waits=False)
    challenge = NewToken(hash="c" * 64, expires_at=NOW)
    session = NewSession(id="session-2", refresh_token_hash="1" * 64, expires_at=NOW)
    command = ValidateUser(email=user.email, password="", session=session, challenge=challenge)

    with pytest.raises(SecondFactorNeeded):
        accounts.validate(command, "password", CommandId("user.validate", "m2"))
    assert store.tokens == {"c" * 64: "challenge"}
    assert "session-2" not in store.sessions


@pytest.mark.parametrize(
    ("sign_up", "refusal"), [("verified", EmailNotVerified), ("private", InvalidCredentials)]
)
def test_signing_in_can_wait_for_the_confirmed_address(
    store: MemoryStore, sign_up: SignUp, refusal: type[Refusal]
) -> None:
    accounts = Accounts(store, PlainHashes(), lambda: "user-1", sign_up)
    user = register(accounts)
    command = ValidateUser(email=user.email, password="")

    with pytest.raises(refusal):
        accounts.validate(command, "password", CommandId("user.validate", "m2"))


def test_a_quiet_register_tells_only_the_owner_that_the_email_is_taken(
    accounts: Accounts, store: MemoryStore
) -> None:
    register(accounts)
    command = RegisterUser(
        email="ada@example.com", password="", welcome=Sealed(kid="k", sealed="s")
    )

    with pytest.raises(EmailTaken):
        accounts.register(command, "password", CommandId("user.register", "m2"))
    assert store.sent == ["notification.send.email"]


def test_an_outdated_hash_is_renewed_at_login(accounts: Accounts, store: MemoryStore) -> None:
    user = register(accounts)
    store.users[user.id] = Credentials(user, "old hash of password")

    command = ValidateUser(email=user.email, password="")
    accounts.validate(command, "password", CommandId("user.validate", "m2"))

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


def test_whoever_has_signed_out_finds_and_changes_nothing(accounts: Accounts) -> None:
    user = register(accounts)

    assert accounts.find(FindUser(id=user.id, session="session-1")) == user
    with pytest.raises(SessionEnded):
        accounts.find(FindUser(id=user.id, session="session-0"))
    gone = UpdateUser(id=user.id, name="X", session="session-0")
    with pytest.raises(SessionEnded):
        accounts.update(gone, CommandId("user.update", "m2"))


def test_what_is_absent_from_an_update_stays(accounts: Accounts) -> None:
    user = register(accounts)

    assert accounts.update(UpdateUser(id=user.id), CommandId("user.update", "m2")).name == "Ada"
    cleared = accounts.update(UpdateUser(id=user.id, name=None), CommandId("user.update", "m3"))
    assert cleared.name is None


def test_nobody_cannot_be_updated(accounts: Accounts) -> None:
    with pytest.raises(UserNotFound):
        accounts.update(UpdateUser(id="nobody", name="X"), CommandId("user.update", "m1"))
