"""Add to the audit trail what an operator did.

``python -m user.operations.record_audit_event key-rotated KID``
"""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Sequence

import msgspec
import psycopg
from psycopg.rows import dict_row

from shared.config.logs import configure
from shared.config.secrets import environment
from shared.config.settings import LogSettings, command, load
from user.accounts.model import AuditEvent
from user.storage.audit import PostgresAuditTrail

log = logging.getLogger(__name__)


class Settings(LogSettings, frozen=True, kw_only=True):
    """The settings: the database."""

    database_url: str


def record(database_url: str, event: AuditEvent) -> None:
    """Add one event.

    Args:
        database_url: libpq URL of PostgreSQL.
    """
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        PostgresAuditTrail(connection).add(event)
    log.info("audit", extra={"audit": msgspec.to_builtins(event)})


@command
def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m user.operations.record_audit_event", description=__doc__
    )
    parser.add_argument("kind", choices=("key-rotated",))
    parser.add_argument("kid", help="the name of the new key")
    options = parser.parse_args(arguments)
    settings = load(Settings, environment(os.environ))
    configure("audit", settings)
    record(settings.database_url, AuditEvent(kind=options.kind, detail=options.kid))


if __name__ == "__main__":
    main()
