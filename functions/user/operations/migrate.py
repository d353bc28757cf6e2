"""Bring the database to the newest schema: ``python -m user.operations.migrate``. Safe to repeat.

The SQL is in ``migrations/``, applied by yoyo. An advisory lock keeps two runs apart: unlike yoyo's
own, it goes when its holder is killed. The role of ``DATABASE_ROLE`` is then granted the rights of
the user function (:mod:`user.operations.grants`).

yoyo records a migration as done in another transaction than the migration's. So each is written to
be repeatable (``IF NOT EXISTS``): a death in between must not stop every later run.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

import psycopg
from yoyo import get_backend, read_migrations

from shared.config.logs import configure
from shared.config.secrets import environment
from shared.config.settings import LogSettings, command, load
from user.operations.grants import grant
from user.storage.rds_iam import with_password, with_token

log = logging.getLogger(__name__)

_MIGRATIONS = Path(__file__).parents[1] / "migrations"


class Settings(LogSettings, frozen=True, kw_only=True):
    """What a migration needs.

    Attributes:
        database_url: libpq URL of PostgreSQL, of the role that the tables belong to.
        database_iam: see the user function's settings.
        database_password: for a URL that has none.
        database_role: the role of the user function; empty where that is the owner too.
    """

    database_url: str
    database_iam: bool = False
    database_password: str = ""
    database_role: str = ""

    @property
    def url(self) -> str:
        """The database's URL with its password or a fresh token."""
        if self.database_iam:
            return with_token(self.database_url)
        if self.database_password:
            return with_password(self.database_url, self.database_password)
        return self.database_url


def migrate(database_url: str, role: str = "") -> list[str]:
    """Apply the missing migrations.

    Args:
        database_url: libpq URL of PostgreSQL.
        role: is granted the rights of the user function; empty for none.

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
    """Apply the missing migrations by settings, and log their names."""
    applied = migrate(settings.url, settings.database_role)
    log.info("database schema is up to date", extra={"applied": ", ".join(applied) or "nothing"})
    return applied


@command
def main() -> None:
    """Run the command."""
    settings = load(Settings, environment(os.environ))
    configure("migrate", settings)
    bring_up_to_date(settings)


if __name__ == "__main__":
    main()
