"""Sessions that have ended, until the last of their access tokens has run out.

An access token is good for its minutes whatever happens, unless somebody remembers. Redis does,
for all gateways. While it is away, so is the cache of profiles, and then every request reaches
the user function, which knows the session itself (``session`` in its messages): signing out is
still at once. Each process remembers for itself what it has ended, and tells Redis when it is back.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress

from gateway.cache.redis_client import RedisClient, RedisUnavailable


class RevokedSessions:
    """Ended sessions, by id.

    Args:
        seconds: how long an access token may live after its session.
    """

    def __init__(self, redis: RedisClient, *, seconds: int) -> None:
        self._redis = redis
        self._seconds = seconds
        self._own: dict[str, float] = {}
        self._untold: set[str] = set()

    async def add(self, *sessions: str) -> None:
        """These access tokens do not pass any more."""
        now = time.monotonic()
        self._own = {each: until for each, until in self._own.items() if until > now}
        self._own.update(dict.fromkeys(sessions, now + self._seconds))
        self._untold = {*self._untold & self._own.keys(), *sessions}
        with suppress(RedisUnavailable):
            await self._tell()

    async def has(self, session: str) -> bool:
        """Whether it has ended, as far as Redis and this process know."""
        if self._own.get(session, 0.0) > time.monotonic():
            return True
        try:
            await self._tell()
            return bool(await self._redis.run(lambda: self._redis.client.exists(_key(session))))
        except RedisUnavailable:
            return False

    async def _tell(self) -> None:
        told = tuple(self._untold)
        if told:
            await self._redis.run(lambda: self._write(told))
            self._untold.difference_update(told)

    async def _write(self, sessions: Iterable[str]) -> None:
        for each in sessions:
            await self._redis.client.set(_key(each), b"", ex=self._seconds)


def _key(session: str) -> str:
    return f"ended:{session}"
