"""Bring the database to the newest schema: ``python -m user.migrate``. Safe to repeat.

The SQL is in ``migrations/``, applied by yoyo. Two that run at the same time are kept apart by an
advisory lock: unlike yoyo's own, it goes when its holder is killed.

yoyo notes that a migration is done in another transaction than the migration's. So each is written
to be repeatable (``IF NOT EXISTS``): a death in between must not stop every later run.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import psycopg
from yoyo import get_backend, read_migrations

from shared.settings import LogSettings, SettingsError, load
from shared.telemetry import configure
from user.rds_iam import with_token

log = logging.getLogger(__name__)

_MIGRATIONS = Path(__file__).with_name("migrations")


class Settings(LogSettings, frozen=True, kw_only=True):
    """All that a migration needs: the database; see the user function's settings."""

    database_url: str
    database_iam: bool = False

    @property
    def url(self) -> str:
        """The database's URL, with what a connection needs now."""
        return with_token(self.database_url) if self.database_iam else self.database_url


def migrate(database_url: str) -> list[str]:
    """Apply what is missing.

    Args:
        database_url: libpq URL of PostgreSQL.

    Returns:
        The names of the migrations that were applied, in order.
    """
    _, _, rest = database_url.partition("://")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext('user.migrate'))")
        backend = get_backend(f"postgresql+psycopg://{rest}")
        with backend:
            missing = backend.to_apply(read_migrations(str(_MIGRATIONS)))
            backend.apply_migrations(missing)
            return [migration.id for migration in missing]


def main() -> None:
    """The command."""
    try:
        settings = load(Settings, os.environ)
    except SettingsError as error:
        sys.exit(str(error))
    configure("migrate", settings)
    applied = migrate(settings.url)
    log.info("database schema is up to date", extra={"applied": ", ".join(applied) or "nothing"})


if __name__ == "__main__":
    main()
