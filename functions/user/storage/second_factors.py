"""Second factors and recovery codes."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import Connection
from psycopg.rows import DictRow

from user.accounts.model import StoredFactor

_FIND = """
    SELECT secret::text, confirmed_at, last_step, failures, retry_at > clock_timestamp() AS waits
    FROM second_factors WHERE user_id = %s
"""
_PUT = """
    INSERT INTO second_factors (user_id, secret) VALUES (%s, %s)
    ON CONFLICT (user_id) DO UPDATE SET secret = excluded.secret, confirmed_at = NULL, last_step = 0
"""
_CONFIRM = """
    UPDATE second_factors SET confirmed_at = clock_timestamp(), last_step = %s, failures = 0
    WHERE user_id = %s
"""
_ACCEPT = """
    UPDATE second_factors SET last_step = %s, failures = 0, secret = %s WHERE user_id = %s
"""
_REFUSE = """
    UPDATE second_factors SET failures = failures + 1,
        retry_at = clock_timestamp() + make_interval(secs => %s)
    WHERE user_id = %s
"""
_REMOVE = "DELETE FROM second_factors WHERE user_id = %s"
_DROP_CODES = "DELETE FROM recovery_codes WHERE user_id = %s"
_ADD_CODES = "INSERT INTO recovery_codes (user_id, hash) SELECT %s, unnest(%s::text[])"
_USE_CODE = "DELETE FROM recovery_codes WHERE user_id = %s AND hash = %s RETURNING true"
_FORGIVE = "UPDATE second_factors SET failures = 0 WHERE user_id = %s"


class SecondFactors:
    """Changes to second factors."""

    _connection: Connection[DictRow]

    def second_factor(self, user_id: str) -> StoredFactor | None:
        """Somebody's second factor, confirmed or not."""
        row = self._connection.execute(_FIND, (user_id,)).fetchone()
        return StoredFactor(**row) if row else None

    def put_second_factor(self, user_id: str, sealed: str) -> None:
        """Keep a secret that is not confirmed yet."""
        self._connection.execute(_PUT, (user_id, sealed))

    def confirm_second_factor(self, user_id: str, step: int, codes: Sequence[str]) -> None:
        """It counts from now on, with these hashes of recovery codes."""
        self._connection.execute(_CONFIRM, (step, user_id))
        self.replace_recovery_codes(user_id, codes)

    def accept_code(self, user_id: str, step: int, sealed: str) -> None:
        """The code of this step is used; the secret is kept under the newest key."""
        self._connection.execute(_ACCEPT, (step, sealed, user_id))

    def refuse_code(self, user_id: str, wait_s: int) -> None:
        """A wrong code: none is looked at for so many seconds."""
        self._connection.execute(_REFUSE, (wait_s, user_id))

    def remove_second_factor(self, user_id: str) -> None:
        """Off, and the recovery codes gone."""
        self._connection.execute(_REMOVE, (user_id,))
        self._connection.execute(_DROP_CODES, (user_id,))

    def replace_recovery_codes(self, user_id: str, hashes: Sequence[str]) -> None:
        """These, and none of those there were."""
        self._connection.execute(_DROP_CODES, (user_id,))
        self._connection.execute(_ADD_CODES, (user_id, list(hashes)))

    def use_recovery_code(self, user_id: str, code_hash: str) -> bool:
        """Whether there was such a code; there is none now."""
        used = self._connection.execute(_USE_CODE, (user_id, code_hash)).fetchone() is not None
        if used:
            self._connection.execute(_FORGIVE, (user_id,))
        return used
