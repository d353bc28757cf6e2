"""Sessions: a family of refresh tokens, each spent for the next."""

from __future__ import annotations

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
# Of each living family one token is unspent.
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
        revoked_at IS NULL AND expires_at > now() AS living
    FROM sessions WHERE refresh_token_hash = %s
"""
_SPEND = "UPDATE sessions SET used_at = clock_timestamp() WHERE refresh_token_hash = %s"
_REVOKE_ALL = """
    UPDATE sessions SET revoked_at = clock_timestamp()
    WHERE user_id = %(user_id)s AND revoked_at IS NULL
        AND (%(only)s::text IS NULL OR family = %(only)s)
        AND (%(but)s::text IS NULL OR family <> %(but)s)
    RETURNING family, expires_at > now() AS living
"""
_SIGNED_IN_AT = """
    SELECT max(signed_in_at) AS signed_in_at FROM sessions
    WHERE family = %s AND user_id = %s AND revoked_at IS NULL AND expires_at > now()
"""
_RECENT = """
    SELECT max(signed_in_at) > now() - make_interval(secs => %s) AS recent FROM sessions
    WHERE family = %s AND user_id = %s AND revoked_at IS NULL AND expires_at > now()
"""
_LIVING = """
    SELECT DISTINCT ON (family) family AS id, signed_in_at, created_at AS used_at, expires_at,
        user_agent, ip
    FROM sessions WHERE user_id = %s AND revoked_at IS NULL AND expires_at > now()
    ORDER BY family, created_at DESC
"""


class Sessions:
    """Changes to sessions."""

    _connection: Connection[DictRow]

    def add_session(self, user_id: str, session: NewSession) -> None:
        """A new session, the first of its family; of very many, the least used one ends."""
        self._add(user_id, session, session.id, None)
        self._connection.execute(_REVOKE_OLDEST, {"user_id": user_id, "most": _MOST})

    def add_successor(self, spent: StoredSession, successor: NewSession) -> None:
        """The next refresh token of a family."""
        self._add(spent.user_id, successor, spent.family, spent)

    def session_of_token(self, refresh_token_hash: str) -> StoredSession | None:
        """Whose refresh token this is, or was."""
        row = self._connection.execute(_BY_HASH, (refresh_token_hash,)).fetchone()
        return StoredSession(**row) if row else None

    def spend(self, refresh_token_hash: str) -> None:
        """The token has been used for its successor."""
        self._connection.execute(_SPEND, (refresh_token_hash,))

    def end_sessions(
        self, user_id: str, *, only: str | None = None, but: str | None = None
    ) -> tuple[str, ...]:
        """Revoke one session, all but one, or all; those that lived until now."""
        rows = self._connection.execute(
            _REVOKE_ALL, {"user_id": user_id, "only": only, "but": but}
        ).fetchall()
        return tuple(sorted({row["family"] for row in rows if row["living"]}))

    def session_lives(self, user_id: str, session: str) -> bool:
        """Whether a person is signed in with this session."""
        row = self._connection.execute(_SIGNED_IN_AT, (session, user_id)).fetchone()
        return bool(row and row["signed_in_at"])

    def signed_in_recently(self, user_id: str, session: str, seconds: int) -> bool:
        """Whether the login that began this session is no older."""
        row = self._connection.execute(_RECENT, (seconds, session, user_id)).fetchone()
        return bool(row and row["recent"])

    def living_sessions(self, user_id: str) -> tuple[SessionView, ...]:
        """Where a person is signed in, the last used first."""
        rows = self._connection.execute(_LIVING, (user_id,)).fetchall()
        views = (SessionView(**row) for row in rows)
        return tuple(sorted(views, key=lambda view: view.used_at, reverse=True))

    def _add(
        self, user_id: str, session: NewSession, family: str, before: StoredSession | None
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
                "signed_in_at": before and before.signed_in_at,
            },
        )
