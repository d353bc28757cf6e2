"""Tokens that are mailed or given out to be brought back: only their hashes, each good once."""

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
_USE = "DELETE FROM tokens WHERE hash = %s"
_COUNT = "UPDATE tokens SET attempts = attempts + 1 WHERE hash = %s"
_DROP = "DELETE FROM tokens WHERE user_id = %s AND purpose = ANY(%s)"


class Tokens:
    """Changes to tokens."""

    _connection: Connection[DictRow]

    def add_token(
        self, purpose: Purpose, user_id: str, token: NewToken, email: str | None = None
    ) -> None:
        """A token that may be brought back until it expires."""
        self._connection.execute(_ADD, (token.hash, purpose, user_id, email, token.expires_at))

    def token(self, purpose: Purpose, token_hash: str) -> StoredToken | None:
        """A token that is still good."""
        row = self._connection.execute(_FIND, (token_hash, purpose)).fetchone()
        return StoredToken(**row) if row else None

    def use_token(self, token_hash: str) -> None:
        """It is not good any more."""
        self._connection.execute(_USE, (token_hash,))

    def count_attempt(self, token_hash: str) -> None:
        """A wrong answer was given to it."""
        self._connection.execute(_COUNT, (token_hash,))

    def drop_tokens(self, user_id: str, *purposes: Purpose) -> None:
        """None of these of a person is good any more."""
        self._connection.execute(_DROP, (user_id, list(purposes)))
