"""The tables of second factors and recovery codes."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import Connection
from psycopg.rows import DictRow

from user.accounts.model import StoredFactor

_FIND = """
    SELECT secret::text, confirmed_at, last_step, failures, retry_at > clock_timestamp() AS waits
    FROM second_factors WHERE user_id = %s
"""
_ENROL = """
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


class PostgresSecondFactors:
    """Second factors and recovery codes in PostgreSQL."""

    def __init__(self, connection: Connection[DictRow]) -> None:
        self._connection = connection

    def find(self, user_id: str) -> StoredFactor | None:
        """Return the user's second factor, confirmed or not."""
        row = self._connection.execute(_FIND, (user_id,)).fetchone()
        return StoredFactor(**row) if row else None

    def enrol(self, user_id: str, sealed: str) -> None:
        """Store a secret that is not confirmed yet, in place of another such secret."""
        self._connection.execute(_ENROL, (user_id, sealed))

    def confirm(self, user_id: str, step: int, code_hashes: Sequence[str]) -> None:
        """Turn the second factor on, with these hashes of recovery codes."""
        self._connection.execute(_CONFIRM, (step, user_id))
        self.replace_recovery_codes(user_id, code_hashes)

    def accept_code(self, user_id: str, step: int, sealed: str) -> None:
        """Mark the code of this time step as used, and store the secret as it is given."""
        self._connection.execute(_ACCEPT, (step, sealed, user_id))

    def refuse_code(self, user_id: str, wait_s: int) -> None:
        """Count a wrong code; no code is checked for so many seconds."""
        self._connection.execute(_REFUSE, (wait_s, user_id))

    def remove(self, user_id: str) -> None:
        """Delete the second factor and its recovery codes."""
        self._connection.execute(_REMOVE, (user_id,))
        self._connection.execute(_DROP_CODES, (user_id,))

    def replace_recovery_codes(self, user_id: str, code_hashes: Sequence[str]) -> None:
        """Replace all recovery codes with these hashes."""
        self._connection.execute(_DROP_CODES, (user_id,))
        self._connection.execute(_ADD_CODES, (user_id, list(code_hashes)))

    def use_recovery_code(self, user_id: str, code_hash: str) -> bool:
        """Delete a recovery code and forgive wrong codes; return whether it was there."""
        used = self._connection.execute(_USE_CODE, (user_id, code_hash)).fetchone() is not None
        if used:
            self._connection.execute(_FORGIVE, (user_id,))
        return used
