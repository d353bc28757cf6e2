"""The table of one-time tokens, as hashes."""

from __future__ import annotations

from psycopg import Connection
from psycopg.rows import DictRow

from shared.contract.messages import NewToken
from user.accounts.model import Purpose, StoredToken

_ADD = """
    INSERT INTO tokens (hash, purpose, user_id, email, expires_at) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT DO NOTHING
"""
_FIND = """
    SELECT user_id, email, attempts FROM tokens
    WHERE hash = %s AND purpose = %s AND expires_at > now()
"""
_DELETE = "DELETE FROM tokens WHERE hash = %s"
_COUNT = "UPDATE tokens SET attempts = attempts + 1 WHERE hash = %s"
_DELETE_ALL = "DELETE FROM tokens WHERE user_id = %s AND purpose = ANY(%s)"


class PostgresTokens:
    """One-time tokens in PostgreSQL."""

    def __init__(self, connection: Connection[DictRow]) -> None:
        self._connection = connection

    def add(
        self, purpose: Purpose, user_id: str, token: NewToken, email: str | None = None
    ) -> None:
        """Add a token; it is good until it expires."""
        self._connection.execute(_ADD, (token.hash, purpose, user_id, email, token.expires_at))

    def find(self, purpose: Purpose, token_hash: str) -> StoredToken | None:
        """Return a token that is still good."""
        row = self._connection.execute(_FIND, (token_hash, purpose)).fetchone()
        return StoredToken(**row) if row else None

    def delete(self, token_hash: str) -> None:
        """Invalidate a token that was used."""
        self._connection.execute(_DELETE, (token_hash,))

    def count_attempt(self, token_hash: str) -> None:
        """Count a wrong answer to a challenge."""
        self._connection.execute(_COUNT, (token_hash,))

    def delete_all(self, user_id: str, *purposes: Purpose) -> None:
        """Invalidate the user's tokens of these purposes."""
        self._connection.execute(_DELETE_ALL, (user_id, list(purposes)))
