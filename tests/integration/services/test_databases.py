"""PostgreSQL and Redis: real ones, that keep what they were given."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
import redis

from local import ports
from local.process import Group
from local.services.postgres import Postgres
from local.services.redis import Redis
from tests.services import eventually, start


def test_the_database_is_migrated_and_is_not_the_developers(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT current_database(), count(*) FROM users").fetchone()
    assert row is not None
    assert row[0].endswith("_test")


def test_postgres_keeps_rows_when_it_is_killed(group: Group, service_folder: Path) -> None:
    server = Postgres(service_folder / "kept", ports.any_free())
    server.prepare()
    process, _ = start(server.command(), group)
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 'Ä' AS letter")
    process.kill()

    server.prepare()
    process, _ = start(server.command(), group)
    with psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT lower(letter) FROM kept").fetchone() == ("ä",)
    process.stop()


def test_a_postgres_that_was_left_over_makes_room(group: Group, service_folder: Path) -> None:
    server = Postgres(service_folder / "left", ports.any_free(), durable=False)
    server.prepare()
    left, _ = start(server.command(), group)

    server.prepare()
    eventually(lambda: left.exit_code == 0)
    process, _ = start(server.command(), group)
    process.stop()


def test_a_note_of_a_process_that_is_not_postgres_is_no_obstacle(
    group: Group, service_folder: Path
) -> None:
    server = Postgres(service_folder / "stale", ports.any_free(), durable=False)
    server.prepare()
    note = service_folder / "stale" / "data" / "postmaster.pid"
    note.write_text("1\n")

    server.prepare()
    process, _ = start(server.command(), group)
    process.stop()
    assert process.exit_code == 0


def test_postgres_lets_nobody_in_without_the_password(database_url: str) -> None:
    user_and_password, _, place = database_url.rpartition("@")
    user = user_and_password.rpartition(":")[0]
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(f"{user}:wrong@{place}")


def test_redis_keeps_values_when_it_is_restarted(group: Group, service_folder: Path) -> None:
    server = Redis(service_folder / "kept-redis", ports.any_free())
    server.prepare()
    process, _ = start(server.command(), group)
    with redis.Redis.from_url(server.url) as client:
        client.set("name", "Ada")
    process.stop()

    server.prepare()
    process, _ = start(server.command(), group)
    with redis.Redis.from_url(server.url, decode_responses=True) as client:
        assert client.get("name") == "Ada"
    process.stop()


def test_redis_lets_nobody_in_without_the_password(redis_url: str) -> None:
    place = redis_url.rpartition("@")[2]
    with (
        redis.Redis.from_url(f"redis://{place}") as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()
