"""Profiles kept in Redis as the JSON that is served.

Several gateways may fill and replace the same profile at the same time. What counts is the user's
``updatedAt``: an older profile never takes the place of a newer one.
"""

from __future__ import annotations

from contextlib import suppress

from gateway.optional import Away, OptionalRedis
from shared.messages import User, encode

# A hash of two fields: v, the version (microseconds, as text of one length), and p, the profile.
_PUT = """
local kept = redis.call('HGET', KEYS[1], 'v')
if kept and kept > ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'v', ARGV[1], 'p', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
"""


class ProfileCache:
    """Profiles by user id.

    Args:
        seconds: how long one is kept.
    """

    def __init__(self, redis: OptionalRedis, *, seconds: int) -> None:
        self._redis = redis
        self._seconds = seconds
        self._put = redis.script(_PUT)

    async def get(self, user_id: str) -> bytes | None:
        """The profile's JSON; None when it is not there, or Redis is away."""
        try:
            return await self._redis.run(lambda: self._redis.client.hget(_key(user_id), "p"))  # type: ignore[return-value, arg-type] # redis-py types the client for both of its worlds
        except Away:
            return None

    async def put(self, user: User) -> bytes:
        """Keep a profile, unless a newer one is there; returns its JSON."""
        profile = encode(user)
        version = f"{user.updated_at.timestamp():020.6f}"
        with suppress(Away):
            await self._redis.run(
                lambda: self._put(keys=[_key(user.id)], args=[version, profile, self._seconds])
            )
        return profile

    async def remove(self, user_id: str) -> None:
        """Nothing of a person is kept."""
        with suppress(Away):
            await self._redis.run(lambda: self._redis.client.delete(_key(user_id)))


def _key(user_id: str) -> str:
    return f"profile:{user_id}"
