"""Migrations: safe to repeat, whenever the process before died."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from user.operations.migrate import migrate


@pytest.fixture
def empty_url(database_url: str) -> Iterator[str]:
    server, _, _ = database_url.rpartition("/")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE migrate_test")
        yield f"{server}/migrate_test"
        connection.execute("DROP DATABASE migrate_test WITH (FORCE)")


def test_a_second_run_has_nothing_to_do(empty_url: str) -> None:
    assert migrate(empty_url)
    assert migrate(empty_url) == []


def test_a_run_that_died_before_its_work_was_noted_is_repeated(empty_url: str) -> None:
    applied = migrate(empty_url)
    with psycopg.connect(empty_url) as connection:
        connection.execute("DELETE FROM _yoyo_migration")

    assert migrate(empty_url) == applied
