"""Revoked sessions, until the last of their access tokens has expired.

By itself an access token is valid until it expires. So Redis keeps the sessions that have ended,
for all gateways. While Redis is unavailable there are no cached profiles either. Then every request
reaches the user function, which knows the session itself (``session`` in its messages), and signing
out still works at once. Each process also keeps what it has revoked, and writes it to Redis later.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress

from gateway.cache.redis_client import RedisClient, RedisUnavailable


class RevokedSessions:
    """Revoked sessions, by id.

    Args:
        seconds: how long an access token may outlive its session.
    """

    def __init__(self, redis: RedisClient, *, seconds: int) -> None:
        self._redis = redis
        self._seconds = seconds
        self._own: dict[str, float] = {}
        self._unwritten: set[str] = set()

    async def add(self, *session_ids: str) -> None:
        """Revoke sessions: their access tokens are refused from now on."""
        now = time.monotonic()
        self._own = {each: until for each, until in self._own.items() if until > now}
        self._own.update(dict.fromkeys(session_ids, now + self._seconds))
        self._unwritten = {*self._unwritten & self._own.keys(), *session_ids}
        with suppress(RedisUnavailable):
            await self._write_pending()

    async def has(self, session_id: str) -> bool:
        """Return whether a session is revoked, as far as Redis and this process know."""
        if self._own.get(session_id, 0.0) > time.monotonic():
            return True
        try:
            await self._write_pending()
            return bool(await self._redis.run(lambda: self._redis.client.exists(_key(session_id))))
        except RedisUnavailable:
            return False

    async def _write_pending(self) -> None:
        pending = tuple(self._unwritten)
        if pending:
            await self._redis.run(lambda: self._write(pending))
            self._unwritten.difference_update(pending)

    async def _write(self, session_ids: Iterable[str]) -> None:
        for each in session_ids:
            await self._redis.client.set(_key(each), b"", ex=self._seconds)


def _key(session_id: str) -> str:
    return f"ended:{session_id}"
