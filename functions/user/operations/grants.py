"""What the user function may do in the database: read and write rows of its tables, no more.

The tables belong to the role that migrates. The function signs in as another role. That can
neither change, drop nor truncate a table, nor change rows of the audit trail.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, LiteralString

import psycopg
from psycopg import sql

from shared.config.settings import SettingsError

_ROWS: Final = ("SELECT", "INSERT", "UPDATE", "DELETE")
ALLOWED: Final[Mapping[str, tuple[LiteralString, ...]]] = {
    "users": _ROWS,
    "sessions": _ROWS,
    "tokens": _ROWS,
    "second_factors": _ROWS,
    "recovery_codes": ("SELECT", "INSERT", "DELETE"),
    "processed_messages": _ROWS,
    "audit_events": ("SELECT", "INSERT"),
}
# The role that RDS has for IAM authentication (RDS User Guide, "Creating a database account using
# IAM authentication"). Where it is, a member of it needs no password.
_RDS_IAM: Final = "rds_iam"


class NoSuchRole(SettingsError):
    """The role is missing, and a role made here could not sign in."""


def grant(connection: psycopg.Connection, role: str) -> None:
    """Grant a role the rights of the user function, and revoke all others. Safe to repeat.

    Args:
        connection: as the tables' owner.
        role: is made where the database authenticates by IAM.

    Raises:
        NoSuchRole: it is missing, and needs a password that an operator chooses.
    """
    if not _exists(connection, role):
        _make(connection, role)
    with connection.transaction():
        for table, privileges in ALLOWED.items():
            named = {"table": sql.Identifier(table), "role": sql.Identifier(role)}
            connection.execute(sql.SQL("REVOKE ALL ON {table} FROM {role}").format(**named))
            allow = sql.SQL("GRANT {allowed} ON {table} TO {role}")
            connection.execute(allow.format(allowed=_privileges(privileges), **named))


def _privileges(names: tuple[LiteralString, ...]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.SQL, names))


def _make(connection: psycopg.Connection, role: str) -> None:
    if not _exists(connection, _RDS_IAM):
        raise NoSuchRole(f"The role {role} is not in the database: make it, with its password.")
    statement = sql.SQL("CREATE ROLE {} LOGIN IN ROLE {}")
    connection.execute(statement.format(sql.Identifier(role), sql.Identifier(_RDS_IAM)))


def _exists(connection: psycopg.Connection, role: str) -> bool:
    found = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,))
    return found.rowcount == 1
