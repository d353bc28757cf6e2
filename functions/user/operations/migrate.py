"""Bring the database to the newest schema: ``python -m user.operations.migrate``. Safe to repeat.

The SQL is in ``migrations/``, applied by yoyo. Two that run at the same time are kept apart by an
advisory lock: unlike yoyo's own, it goes when its holder is killed. With ``DATABASE_ROLE`` that one
is then allowed what the user function does (:mod:`user.operations.grants`).

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

from shared.config.logs import configure
from shared.config.secrets import environment
from shared.config.settings import LogSettings, SettingsError, load
from user.operations.grants import NoSuchRole, grant
from user.storage.rds_iam import with_password, with_token

log = logging.getLogger(__name__)

_MIGRATIONS = Path(__file__).parents[1] / "migrations"


class Settings(LogSettings, frozen=True, kw_only=True):
    """What a migration needs.

    Attributes:
        database_url: libpq URL of PostgreSQL, of the role that the tables belong to.
        database_iam: see the user function's settings.
        database_password: for a URL that has none.
        database_role: whom the user function signs in as; empty where that is the owner, too.
    """

    database_url: str
    database_iam: bool = False
    database_password: str = ""
    database_role: str = ""

    @property
    def url(self) -> str:
        """The database's URL, with what a connection needs now."""
        if self.database_iam:
            return with_token(self.database_url)
        if self.database_password:
            return with_password(self.database_url, self.database_password)
        return self.database_url


def migrate(database_url: str, role: str = "") -> list[str]:
    """Apply what is missing.

    Args:
        database_url: libpq URL of PostgreSQL.
        role: is allowed what the user function does; empty for nobody.

    Returns:
        The names of the migrations that were applied, in order.

    Raises:
        NoSuchRole: there is no such role.
    """
    _, _, rest = database_url.partition("://")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext('user.migrate'))")
        backend = get_backend(f"postgresql+psycopg://{rest}")
        with backend:
            missing = backend.to_apply(read_migrations(str(_MIGRATIONS)))
            backend.apply_migrations(missing)
        if role:
            grant(connection, role)
        return [migration.id for migration in missing]


def bring_up_to_date(settings: Settings) -> list[str]:
    """As :func:`migrate`, with settings; and says so in the log."""
    applied = migrate(settings.url, settings.database_role)
    log.info("database schema is up to date", extra={"applied": ", ".join(applied) or "nothing"})
    return applied


def main() -> None:
    """The command."""
    try:
        settings = load(Settings, environment(os.environ))
        configure("migrate", settings)
        bring_up_to_date(settings)
    except (SettingsError, NoSuchRole) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
