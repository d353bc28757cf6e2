"""Sessions that have ended, until the last of their access tokens has run out.

An access token is good for its minutes whatever happens, unless somebody remembers. Redis does,
for all gateways. While it is away, so is the cache of profiles, and then every request reaches
the user function, which knows the session itself (``session`` in its messages): signing out is
still at once. Each process also remembers for itself what it has ended.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from gateway.optional import Away, OptionalRedis


class DeniedSessions:
    """Ended sessions, by id.

    Args:
        seconds: how long an access token may live after its session.
    """

    def __init__(self, redis: OptionalRedis, *, seconds: int) -> None:
        self._redis = redis
        self._seconds = seconds
        self._own: dict[str, float] = {}

    async def add(self, *sessions: str) -> None:
        """These access tokens do not pass any more."""
        now = time.monotonic()
        self._own = {each: until for each, until in self._own.items() if until > now}
        self._own.update(dict.fromkeys(sessions, now + self._seconds))
        with suppress(Away):
            await asyncio.gather(*(self._remember(each) for each in sessions))

    async def has(self, session: str) -> bool:
        """Whether it has ended, as far as Redis and this process know."""
        if self._own.get(session, 0.0) > time.monotonic():
            return True
        try:
            return bool(await self._redis.run(lambda: self._redis.client.exists(_key(session))))
        except Away:
            return False

    async def _remember(self, session: str) -> None:
        await self._redis.run(lambda: self._redis.client.set(_key(session), b"", ex=self._seconds))


def _key(session: str) -> str:
    return f"ended:{session}"
