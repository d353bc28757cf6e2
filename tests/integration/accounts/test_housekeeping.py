"""What nobody needs any more is deleted, a little at a time, and what is needed stays."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.rows import TupleRow

from tests.person import Person
from user.storage.housekeeping import Housekeeping
from user.storage.unit_of_work import Pool, open_pool

Database = psycopg.Connection[TupleRow]
HOURS = 96


@pytest.fixture(scope="module")
def pool(database_url: str) -> Iterator[Pool]:
    with open_pool(database_url, size=2, timeout_s=5) as pool:
        yield pool


class Clock:
    """Monotonic seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def count(database: Database, query: str, user_id: str) -> int:
    row = database.execute(query, (user_id,)).fetchone()
    assert row is not None
    found: int = row[0]
    return found


SESSIONS = "SELECT count(*) FROM sessions WHERE user_id = %s"
TOKENS = "SELECT count(*) FROM tokens WHERE user_id = %s"
OUTCOMES = "SELECT count(*) FROM processed_messages WHERE user_id = %s"


def expire(database: Database, user_id: str) -> None:
    for statement in (
        "UPDATE sessions SET expires_at = now() - interval '1 s' WHERE user_id = %s",
        "UPDATE tokens SET expires_at = now() - interval '1 s' WHERE user_id = %s",
        "UPDATE processed_messages SET created_at = now() - interval '97 h' WHERE user_id = %s",
    ):
        database.execute(statement, (user_id,))


def test_what_is_too_old_goes_and_the_rest_stays(
    pool: Pool, person: Person, stranger: Person, database: Database
) -> None:
    expire(database, person.user_id)

    Housekeeping(pool, keep_outcomes_hours=HOURS).delete()

    assert [count(database, q, person.user_id) for q in (SESSIONS, TOKENS, OUTCOMES)] == [0, 0, 0]
    assert [count(database, q, stranger.user_id) for q in (SESSIONS, TOKENS, OUTCOMES)] == [1, 1, 1]
    assert stranger.device("GET", "/profile").status_code == 200


def test_rows_in_use_are_passed_over(
    pool: Pool, person: Person, database: Database, database_url: str
) -> None:
    expire(database, person.user_id)
    with psycopg.connect(database_url) as busy:
        busy.execute("SELECT FROM sessions WHERE user_id = %s FOR UPDATE", (person.user_id,))

        Housekeeping(pool, keep_outcomes_hours=HOURS).delete()

        assert count(database, SESSIONS, person.user_id) == 1


def test_it_is_done_now_and_then(pool: Pool, person: Person, database: Database) -> None:
    clock = Clock()
    housekeeping = Housekeeping(pool, keep_outcomes_hours=HOURS, now=clock)
    expire(database, person.user_id)

    housekeeping.run()
    assert count(database, SESSIONS, person.user_id) == 1
    clock.now = 301
    housekeeping.run()
    assert count(database, SESSIONS, person.user_id) == 0


def test_a_database_that_is_away_is_nobodys_failure(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    with open_pool("postgresql://nobody@127.0.0.1:1/none", size=1, timeout_s=0.1) as pool:
        housekeeping = Housekeeping(pool, keep_outcomes_hours=HOURS, now=clock)
        clock.now = 301
        housekeeping.run()

    assert "housekeeping failed" in caplog.messages
