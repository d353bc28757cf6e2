"""Any order of refreshes, repeats and sign-outs: one living token for each session, or none.

The rules and the database are the real ones; a model says what has to come of each step.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.security.one_time_tokens import OneTimeToken, RefreshTokens
from shared.contract.account_commands import EndSessions, Refresh, SessionResult
from shared.contract.errors import SessionEnded
from shared.contract.messages import NewSession
from user.accounts.model import CommandId
from user.accounts.sessions import SessionService
from user.storage.unit_of_work import Pool, UnitOfWork, open_pool

_names = itertools.count()
ALWAYS, NEVER = 3600, -1


@pytest.fixture(scope="module")
def pool(database_url: str) -> Iterator[Pool]:
    with open_pool(database_url, size=2, timeout_s=5) as pool:
        yield pool


class Session:
    """A session of a new person, and the tokens that it has had."""

    def __init__(self, pool: Pool, grace_s: int) -> None:
        self._pool = pool
        self._rules = SessionService(
            UnitOfWork(pool, lambda *_: None), grace_s=grace_s, longest_s=10**8
        )
        self._derive = RefreshTokens(b"k" * 32)
        self.user, self.id = f"user-{_name()}", f"session-{_name()}"
        self.tokens = [self._derive.first()]
        self._begin()

    def refresh(self, which: int) -> SessionResult:
        successor = self._derive.after(self.tokens[which])
        command = Refresh(
            refresh_token_hash=self.tokens[which].hash, successor=_new(_name(), successor)
        )
        opened = self._rules.refresh(command, CommandId("user.session", _name()))
        if opened.user is not None and successor not in self.tokens:
            self.tokens.append(successor)
        return opened

    def end(self) -> None:
        command = EndSessions(id=self.user, session=self.id, which=self.id)
        self._rules.end(command, CommandId("user.session", _name()))

    def living_tokens(self) -> list[str]:
        with self._pool.connection() as connection:
            rows = connection.execute(
                "SELECT refresh_token_hash AS hash FROM sessions WHERE user_id = %s "
                "AND used_at IS NULL AND revoked_at IS NULL AND expires_at > now()",
                (self.user,),
            ).fetchall()
        return [row["hash"] for row in rows]

    def _begin(self) -> None:
        first = _new(self.id, self.tokens[0])
        with self._pool.connection() as connection:
            connection.execute(
                "INSERT INTO users (id, email, password) VALUES (%s, %s, 'none')",
                (self.user, f"{self.user}@example.org"),
            )
            connection.execute(
                "INSERT INTO sessions (id, user_id, family, refresh_token_hash, expires_at) "
                "VALUES (%(id)s, %(user)s, %(id)s, %(hash)s, %(expires_at)s)",
                {
                    "id": first.id,
                    "user": self.user,
                    "hash": first.refresh_token_hash,
                    "expires_at": first.expires_at,
                },
            )


def _name() -> str:
    return f"{datetime.now(UTC).timestamp():.0f}-{next(_names)}"


def _new(name: str, token: OneTimeToken) -> NewSession:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    return NewSession(id=name, refresh_token_hash=token.hash, expires_at=tomorrow)


# How far back from the newest token the presented one is; None signs out.
steps = st.lists(st.none() | st.integers(0, 4), min_size=1, max_size=8)


@pytest.mark.parametrize("grace_s", [ALWAYS, NEVER])
@settings(max_examples=40, deadline=None)
@given(steps=steps)
def test_a_session_has_one_living_token_until_it_ends(
    pool: Pool, grace_s: int, steps: list[int | None]
) -> None:
    session = Session(pool, grace_s)
    ended = False
    for back in steps:
        ended = _step(session, back, grace_s, ended=ended)
        expected = [] if ended else [session.tokens[-1].hash]
        assert session.living_tokens() == expected


def _step(session: Session, back: int | None, grace_s: int, *, ended: bool) -> bool:
    """Do one step, and check what came of it; whether the session has ended now."""
    if ended:
        with pytest.raises(SessionEnded):
            session.refresh(-1) if back is not None else session.end()
        return True
    if back is None:
        session.end()
        return True
    which = max(0, len(session.tokens) - 1 - back)
    age, newest = len(session.tokens) - 1 - which, session.tokens[-1]
    opened = session.refresh(which)
    if age == 0 or (age == 1 and grace_s == ALWAYS):
        assert (opened.session, opened.ended) == (session.id, ())
        assert (session.tokens[-1] == newest) is (age == 1)
        return False
    assert (opened.user, opened.ended) == (None, (session.id,))
    return True
