"""The role of the user function reads and writes rows, and does nothing else to the database."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import errors, sql

from user.operations.grants import ALLOWED, NoSuchRole, grant
from user.operations.migrate import migrate

FORBIDDEN = (
    "CREATE TABLE mine (id int)",
    "DROP TABLE users",
    "ALTER TABLE users ADD COLUMN more text",
    "TRUNCATE sessions",
    "UPDATE audit_events SET kind = 'nothing'",
    "DELETE FROM audit_events",
    "ALTER TABLE audit_events DISABLE TRIGGER ALL",
    "SELECT * FROM _yoyo_migration",
)


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_what_a_function_never_does_is_refused_to_it(
    function_database_url: str, statement: str
) -> None:
    with (
        psycopg.connect(function_database_url) as connection,
        pytest.raises(errors.InsufficientPrivilege),
    ):
        connection.execute(statement)


def test_every_table_of_the_schema_is_thought_of(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()

    tables = {name for (name,) in found if "yoyo" not in name}
    assert tables == set(ALLOWED)


def test_what_was_allowed_once_and_is_no_more_is_taken_back(
    database_url: str, function_database_url: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("GRANT TRUNCATE ON users TO service")
        grant(connection, "service")

    with (
        psycopg.connect(function_database_url) as connection,
        pytest.raises(errors.InsufficientPrivilege),
    ):
        connection.execute("TRUNCATE users")


def test_where_passwords_are_used_a_missing_role_is_for_a_person_to_make(
    database_url: str,
) -> None:
    with pytest.raises(NoSuchRole, match="nobody_yet"):
        migrate(database_url, "nobody_yet")


def test_where_rds_authenticates_the_role_is_made_without_a_password(database_url: str) -> None:
    role = sql.Identifier("made_here")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE ROLE rds_iam")
        migrate(database_url, "made_here")
        (can_login, password) = connection.execute(
            "SELECT rolcanlogin, rolpassword FROM pg_authid WHERE rolname = 'made_here'"
        ).fetchone() or (None, None)
        member = connection.execute(
            "SELECT pg_has_role('made_here', 'rds_iam', 'MEMBER')"
        ).fetchone()
        connection.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(role))
        connection.execute("DROP ROLE rds_iam")

    assert (can_login, password) == (True, None)
    assert member == (True,)
