"""Housekeeping: deletes old outcomes, expired sessions and tokens.

No server could run it at night, so the function does it now and then after a batch. It deletes a
few rows at a time that no other transaction has locked, so that it holds up no batch.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from psycopg import Error

from user.storage.unit_of_work import Pool

log = logging.getLogger(__name__)

_EVERY_S = 300.0
_ROWS = 1_000

_STATEMENTS = {
    "processed_messages": """
        DELETE FROM processed_messages WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM processed_messages
            WHERE created_at < now() - make_interval(hours => %(hours)s)
            ORDER BY created_at LIMIT %(rows)s FOR UPDATE SKIP LOCKED))
    """,
    "sessions": """
        DELETE FROM sessions WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM sessions WHERE expires_at < now()
            ORDER BY expires_at LIMIT %(rows)s FOR UPDATE SKIP LOCKED))
    """,
    "tokens": """
        DELETE FROM tokens WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM tokens WHERE expires_at < now()
            ORDER BY expires_at LIMIT %(rows)s FOR UPDATE SKIP LOCKED))
    """,
}


class Housekeeping:
    """Deletes 1,000 rows of each table at most, every five minutes at most.

    Args:
        keep_outcomes_hours: an outcome is needed while its record can be delivered again.
        now: monotonic seconds.
    """

    def __init__(
        self,
        pool: Pool,
        *,
        keep_outcomes_hours: int,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self._hours = keep_outcomes_hours
        self._now = now
        self._due = now() + _EVERY_S  # not in the first batch: a client waits for that cold start

    def run(self) -> None:
        """Delete, if it is time; log an error of the database, since no record is at fault."""
        if self._now() < self._due:
            return
        self._due = self._now() + _EVERY_S
        try:
            deleted = self.delete()
        except Error as error:
            log.warning("housekeeping failed", extra={"reason": type(error).__name__})
        else:
            log.info("housekeeping", extra={"deleted": deleted})

    def delete(self) -> dict[str, int]:
        """Delete a batch of each table; return the number of rows by table."""
        given = {"hours": self._hours, "rows": _ROWS}
        with self._pool.connection() as connection:
            return {
                table: connection.execute(statement, given).rowcount
                for table, statement in _STATEMENTS.items()
            }
