"""The table of sessions: a family of refresh tokens, each spent for the next."""

from __future__ import annotations

from datetime import datetime

from psycopg import Connection
from psycopg.rows import DictRow

from shared.contract.account_commands import SessionView
from shared.contract.messages import NewSession
from user.accounts.model import StoredSession

# So that a list of them, and the end of all, fit into one Kafka record.
_MOST = 100

# The clock is read once: a login is the first use of its session, not a microsecond after it.
_ADD = """
    INSERT INTO sessions (id, user_id, family, refresh_token_hash, expires_at, user_agent, ip,
        created_at, signed_in_at)
    SELECT %(id)s, %(user_id)s, %(family)s, %(hash)s, %(expires_at)s, %(user_agent)s, %(ip)s,
        moment, coalesce(%(signed_in_at)s, moment)
    FROM clock_timestamp() AS moment
"""
# Of each active family one token is unspent.
_REVOKE_OLDEST = """
    UPDATE sessions SET revoked_at = clock_timestamp()
    WHERE user_id = %(user_id)s AND revoked_at IS NULL AND family IN (
        SELECT family FROM sessions
        WHERE user_id = %(user_id)s AND revoked_at IS NULL AND used_at IS NULL
            AND expires_at > now()
        ORDER BY created_at DESC OFFSET %(most)s)
"""
_BY_HASH = """
    SELECT user_id, family, used_at, signed_in_at,
        revoked_at IS NULL AND expires_at > now() AS active
    FROM sessions WHERE refresh_token_hash = %s
"""
_SPEND = "UPDATE sessions SET used_at = clock_timestamp() WHERE refresh_token_hash = %s"
_REVOKE = """
    UPDATE sessions SET revoked_at = clock_timestamp()
    WHERE user_id = %(user_id)s AND revoked_at IS NULL
        AND (%(only)s::text IS NULL OR family = %(only)s)
        AND (%(but)s::text IS NULL OR family <> %(but)s)
    RETURNING family, expires_at > now() AS active
"""
_IS_ACTIVE = """
    SELECT EXISTS (
        SELECT FROM sessions
        WHERE family = %s AND user_id = %s AND revoked_at IS NULL AND expires_at > now()
    ) AS active
"""
_BEGAN_WITHIN = """
    SELECT max(signed_in_at) > now() - make_interval(secs => %s) AS recent FROM sessions
    WHERE family = %s AND user_id = %s AND revoked_at IS NULL AND expires_at > now()
"""
_ACTIVE = """
    SELECT DISTINCT ON (family) family AS id, signed_in_at, created_at AS used_at, expires_at,
        user_agent, ip
    FROM sessions WHERE user_id = %s AND revoked_at IS NULL AND expires_at > now()
    ORDER BY family, created_at DESC
"""


class PostgresSessions:
    """Sessions in PostgreSQL."""

    def __init__(self, connection: Connection[DictRow]) -> None:
        self._connection = connection

    def add(self, user_id: str, session: NewSession) -> None:
        """Add a session with its first refresh token; revoke the least used beyond 100."""
        self._add(user_id, session, session.id, None)
        self._connection.execute(_REVOKE_OLDEST, {"user_id": user_id, "most": _MOST})

    def add_successor(self, spent: StoredSession, successor: NewSession) -> None:
        """Add the next refresh token of a session."""
        self._add(spent.user_id, successor, spent.family, spent.signed_in_at)

    def by_token(self, token_hash: str) -> StoredSession | None:
        """Return the refresh token with this hash, active or not."""
        row = self._connection.execute(_BY_HASH, (token_hash,)).fetchone()
        return StoredSession(**row) if row else None

    def spend(self, token_hash: str) -> None:
        """Mark a refresh token as used for its successor."""
        self._connection.execute(_SPEND, (token_hash,))

    def revoke(
        self, user_id: str, *, only: str | None = None, but: str | None = None
    ) -> tuple[str, ...]:
        """Revoke sessions of a user; return the ids that were active."""
        given = {"user_id": user_id, "only": only, "but": but}
        rows = self._connection.execute(_REVOKE, given).fetchall()
        return tuple(sorted({row["family"] for row in rows if row["active"]}))

    def is_active(self, user_id: str, session: str) -> bool:
        """Return whether the user is signed in with this session."""
        row = self._connection.execute(_IS_ACTIVE, (session, user_id)).fetchone()
        return bool(row and row["active"])

    def began_within(self, user_id: str, session: str, seconds: int) -> bool:
        """Return whether the login of this active session is at most so many seconds old."""
        row = self._connection.execute(_BEGAN_WITHIN, (seconds, session, user_id)).fetchone()
        return bool(row and row["recent"])

    def active(self, user_id: str) -> tuple[SessionView, ...]:
        """Return the user's active sessions, the last used first."""
        rows = self._connection.execute(_ACTIVE, (user_id,)).fetchall()
        views = (SessionView(**row) for row in rows)
        return tuple(sorted(views, key=lambda view: view.used_at, reverse=True))

    def _add(
        self, user_id: str, session: NewSession, family: str, signed_in_at: datetime | None
    ) -> None:
        self._connection.execute(
            _ADD,
            {
                "id": session.id,
                "user_id": user_id,
                "family": family,
                "hash": session.refresh_token_hash,
                "expires_at": session.expires_at,
                "user_agent": session.user_agent,
                "ip": session.ip,
                "signed_in_at": signed_in_at,
            },
        )
