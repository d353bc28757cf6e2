"""The user function's storage in memory, for tests of the use cases."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import msgspec

from shared.contract.account_commands import AuditView, SessionView
from shared.contract.errors import EmailTaken, Refusal, SessionEnded
from shared.contract.messages import (
    Message,
    NewSession,
    NewToken,
    RegisterUser,
    UpdateUser,
    User,
)
from user.accounts.model import (
    AuditEvent,
    CommandId,
    Credentials,
    Event,
    Purpose,
    StoredFactor,
    StoredSession,
    StoredToken,
)
from user.accounts.ports import Transaction
from user.storage.users import PROFILE

M = TypeVar("M", bound=Message)
T = TypeVar("T")

PASSWORD = "correct horse battery"

_numbers = itertools.count(1)


class Clock:
    """The time, which a test moves."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class SessionRow:
    user_id: str
    family: str
    new: NewSession
    signed_in_at: datetime
    created_at: datetime
    used_at: datetime | None = None
    revoked: bool = False


@dataclass
class TokenRow:
    purpose: Purpose
    user_id: str
    expires_at: datetime
    email: str | None
    attempts: int = 0


@dataclass
class FactorRow:
    secret: str
    retry_at: datetime
    confirmed_at: datetime | None = None
    last_step: int = 0
    failures: int = 0


class Rows:
    """The rows of all tables."""

    def __init__(self) -> None:
        self.users: dict[str, Credentials] = {}
        self.sessions: dict[str, SessionRow] = {}
        self.tokens: dict[str, TokenRow] = {}
        self.factors: dict[str, FactorRow] = {}
        self.recovery_codes: dict[str, set[str]] = {}
        self.audit: list[AuditEvent] = []


class MemoryTable:
    def __init__(self, rows: Rows, clock: Clock) -> None:
        self._rows = rows
        self._clock = clock

    def _is_active(self, row: SessionRow) -> bool:
        return not row.revoked and row.new.expires_at > self._clock.now


class MemoryUsers(MemoryTable):
    locked: str | None = None

    def by_id(self, user_id: str) -> Credentials | None:
        return self._rows.users.get(user_id)

    def by_email(self, email: str) -> Credentials | None:
        rows = self._rows.users.values()
        return next((row for row in rows if row.user.email.lower() == email.lower()), None)

    def signed_in(self, user_id: str, session: str) -> User | None:
        found = self.by_id(user_id)
        rows = (row for row in self._rows.sessions.values() if row.user_id == user_id)
        active = any(row.family == session and self._is_active(row) for row in rows)
        return found.user if found and active else None

    def lock(self, user_id: str) -> Credentials | None:
        self.locked = user_id
        return self.by_id(user_id)

    def add(self, user_id: str, command: RegisterUser, password_hash: str) -> User | None:
        if self.by_email(command.email):
            return None
        now = self._clock.now
        profile = {member: getattr(command, member) for member in PROFILE}
        user = User(
            id=user_id,
            email=command.email,
            email_verified=False,
            created_at=now,
            updated_at=now,
            **profile,
        )
        self._rows.users[user_id] = Credentials(user, password_hash)
        return user

    def update(self, command: UpdateUser) -> User | None:
        members = {member: getattr(command, member) for member in PROFILE}
        changes = {name: value for name, value in members.items() if value is not msgspec.UNSET}
        if isinstance(command.email, str):
            changes["email"] = command.email
        return self._change(command.id, **changes)

    def set_password(self, user_id: str, password_hash: str) -> None:
        self._rows.users[user_id] = Credentials(self._rows.users[user_id].user, password_hash)

    def renew_hash(self, checked: Credentials, password_hash: str) -> None:
        if self._rows.users[checked.user.id].password_hash == checked.password_hash:
            self.set_password(checked.user.id, password_hash)

    def prove_email(self, user_id: str, email: str) -> User | None:
        return self._change(user_id, email=email, email_verified=True)

    def delete(self, user_id: str) -> None:
        del self._rows.users[user_id]
        self._rows.factors.pop(user_id, None)
        for table in (self._rows.sessions, self._rows.tokens):
            for key in [key for key, row in table.items() if row.user_id == user_id]:
                del table[key]

    def _change(self, user_id: str, **changes: object) -> User | None:
        found = self.by_id(user_id)
        if found is None:
            return None
        owner = self.by_email(str(changes.get("email", "")))
        if owner is not None and owner.user.id != user_id:
            raise EmailTaken
        user = msgspec.structs.replace(found.user, **changes)
        self._rows.users[user_id] = Credentials(user, found.password_hash)
        return user


class MemorySessions(MemoryTable):
    def add(self, user_id: str, session: NewSession) -> None:
        now = self._clock.now
        row = SessionRow(user_id, session.id, session, signed_in_at=now, created_at=now)
        self._rows.sessions[session.refresh_token_hash] = row

    def add_successor(self, spent: StoredSession, successor: NewSession) -> None:
        self._rows.sessions[successor.refresh_token_hash] = SessionRow(
            spent.user_id, spent.family, successor, spent.signed_in_at, self._clock.now
        )

    def by_token(self, token_hash: str) -> StoredSession | None:
        row = self._rows.sessions.get(token_hash)
        if row is None:
            return None
        return StoredSession(
            row.user_id, row.family, row.used_at, self._is_active(row), row.signed_in_at
        )

    def spend(self, token_hash: str) -> None:
        self._rows.sessions[token_hash].used_at = self._clock.now

    def revoke(
        self, user_id: str, *, only: str | None = None, but: str | None = None
    ) -> tuple[str, ...]:
        ended = set()
        for row in self._rows.sessions.values():
            wanted = only in (None, row.family) and row.family != but
            if row.user_id == user_id and wanted and not row.revoked:
                if self._is_active(row):
                    ended.add(row.family)
                row.revoked = True
        return tuple(sorted(ended))

    def is_active(self, user_id: str, session: str) -> bool:
        return session in self._active(user_id)

    def began_within(self, user_id: str, session: str, seconds: int) -> bool:
        row = self._active(user_id).get(session)
        return row is not None and row.signed_in_at > self._clock.now - timedelta(seconds=seconds)

    def active(self, user_id: str) -> tuple[SessionView, ...]:
        views = [
            SessionView(
                id=row.family,
                signed_in_at=row.signed_in_at,
                used_at=row.created_at,
                expires_at=row.new.expires_at,
                user_agent=row.new.user_agent,
                ip=row.new.ip,
            )
            for row in self._active(user_id).values()
        ]
        return tuple(sorted(views, key=lambda view: view.used_at, reverse=True))

    def _active(self, user_id: str) -> dict[str, SessionRow]:
        rows = self._rows.sessions.values()
        return {row.family: row for row in rows if row.user_id == user_id and self._is_active(row)}


class MemoryTokens(MemoryTable):
    def add(
        self, purpose: Purpose, user_id: str, token: NewToken, email: str | None = None
    ) -> None:
        self._rows.tokens[token.hash] = TokenRow(purpose, user_id, token.expires_at, email)

    def find(self, purpose: Purpose, token_hash: str) -> StoredToken | None:
        row = self._rows.tokens.get(token_hash)
        if row is None or row.purpose != purpose or row.expires_at <= self._clock.now:
            return None
        return StoredToken(row.user_id, row.email, row.attempts)

    def delete(self, token_hash: str) -> None:
        del self._rows.tokens[token_hash]

    def count_attempt(self, token_hash: str) -> None:
        self._rows.tokens[token_hash].attempts += 1

    def delete_all(self, user_id: str, *purposes: Purpose) -> None:
        rows = self._rows.tokens.items()
        for token_hash, row in list(rows):
            if row.user_id == user_id and row.purpose in purposes:
                self.delete(token_hash)


class MemorySecondFactors(MemoryTable):
    def find(self, user_id: str) -> StoredFactor | None:
        row = self._rows.factors.get(user_id)
        if row is None:
            return None
        waits = row.retry_at > self._clock.now
        return StoredFactor(row.secret, row.confirmed_at, row.last_step, row.failures, waits)

    def enrol(self, user_id: str, sealed: str) -> None:
        self._rows.factors[user_id] = FactorRow(sealed, self._clock.now)

    def confirm(self, user_id: str, step: int, code_hashes: Sequence[str]) -> None:
        row = self._rows.factors[user_id]
        row.confirmed_at, row.last_step, row.failures = self._clock.now, step, 0
        self.replace_recovery_codes(user_id, code_hashes)

    def accept_code(self, user_id: str, step: int, sealed: str) -> None:
        row = self._rows.factors[user_id]
        row.last_step, row.failures, row.secret = step, 0, sealed

    def refuse_code(self, user_id: str, wait_s: int) -> None:
        row = self._rows.factors[user_id]
        row.failures += 1
        row.retry_at = self._clock.now + timedelta(seconds=wait_s)

    def remove(self, user_id: str) -> None:
        del self._rows.factors[user_id]
        self._rows.recovery_codes.pop(user_id, None)

    def replace_recovery_codes(self, user_id: str, code_hashes: Sequence[str]) -> None:
        self._rows.recovery_codes[user_id] = set(code_hashes)

    def use_recovery_code(self, user_id: str, code_hash: str) -> bool:
        codes = self._rows.recovery_codes.get(user_id, set())
        if code_hash not in codes:
            return False
        codes.remove(code_hash)
        self._rows.factors[user_id].failures = 0
        return True


class MemoryAuditTrail(MemoryTable):
    def add(self, event: AuditEvent) -> None:
        self._rows.audit.append(event)

    def of_user(self, user_id: str) -> tuple[AuditView, ...]:
        return tuple(
            AuditView(
                at=self._clock.now,
                kind=event.kind,
                session=event.session,
                user_agent=event.user_agent,
                ip=event.ip,
            )
            for event in reversed(self._rows.audit)
            if event.user_id == user_id
        )


class MemoryUnitOfWork:
    """Runs reads and changes on rows in memory; what a refused change did is rolled back.

    Attributes:
        published: the events of each delivery, in order.
    """

    def __init__(self, clock: Clock) -> None:
        self.rows = Rows()
        self.published: list[Event] = []
        self._clock = clock
        self._outcomes: dict[CommandId, tuple[Message | Refusal, list[Event], str | None]] = {}

    def read(self, query: Callable[[Transaction], T]) -> T:
        return query(self._transaction())

    snapshot = read

    def run_once(
        self, command_id: CommandId, change: Callable[[Transaction], M | Refusal], kind: type[M]
    ) -> M:
        if command_id not in self._outcomes:
            self._carry_out(command_id, change)
        answer, events, _ = self._outcomes[command_id]
        self.published += events
        if isinstance(answer, Refusal):
            raise answer
        assert isinstance(answer, kind)
        return answer

    def erase(self, user_id: str) -> None:
        """Erase all data of a user from stored replies."""
        for command_id, (_, _, owner) in self._outcomes.items():
            if owner == user_id:
                self._outcomes[command_id] = (SessionEnded(), [], owner)

    def topics(self) -> list[str]:
        """Return the topics of what was published."""
        return [event.topic for event in self.published]

    def audited(self) -> list[str]:
        """Return the kinds of audit events."""
        return [event.kind for event in self.rows.audit]

    def _carry_out(
        self, command_id: CommandId, change: Callable[[Transaction], Message | Refusal]
    ) -> None:
        before = copy.deepcopy(vars(self.rows))
        users = MemoryUsers(self.rows, self._clock)
        tx = self._transaction()._replace(users=users)
        try:
            answer = change(tx)
        except Refusal as refusal:
            vars(self.rows).update(before)
            self._outcomes[command_id] = (refusal, [], None)
        else:
            owner = answer.id if isinstance(answer, User) else users.locked
            self._outcomes[command_id] = (answer, tx.events, owner)

    def _transaction(self) -> Transaction:
        given = (self.rows, self._clock)
        return Transaction(
            users=MemoryUsers(*given),
            sessions=MemorySessions(*given),
            tokens=MemoryTokens(*given),
            second_factors=MemorySecondFactors(*given),
            audit=MemoryAuditTrail(*given),
            replies=self,
            events=[],
        )


def new_command_id() -> CommandId:
    """Return the id of another command."""
    return CommandId("user.topic", f"command-{next(_numbers)}")


def hash_of(text: str) -> str:
    """Return something in the form of a token's hash, another for each text."""
    return text.encode().hex().ljust(64, "0")


def in_a_day() -> datetime:
    """Return a time at which tokens may expire."""
    return datetime.now(UTC) + timedelta(days=1)


def new_session(name: str) -> NewSession:
    """Return a session with this id and a refresh token named alike."""
    return NewSession(id=name, refresh_token_hash=hash_of(name), expires_at=in_a_day())
