"""Profiles kept in Redis as the JSON that is served.

Several gateways may fill and replace the same profile at the same time. What counts is the user's
``updatedAt``: an older profile never takes the place of a newer one.

While Redis is away a change cannot replace what it keeps. The gateway that made the change
remembers whose profile that is, and has it forgotten before it asks Redis for a profile again.
Should the process end before that, an old profile is shown until it expires.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from gateway.cache.redis_client import RedisClient, RedisUnavailable
from shared.contract.messages import User, encode

_T = TypeVar("_T")

_MOST_OUTDATED = 10_000

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

    def __init__(self, redis: RedisClient, *, seconds: int) -> None:
        self._redis = redis
        self._seconds = seconds
        self._put = redis.script(_PUT)
        # By user: the number of the latest change, so that one that comes meanwhile stays.
        self._outdated: dict[str, int] = {}
        self._changes = 0

    async def get(self, user_id: str) -> bytes | None:
        """The profile's JSON; None when it is not there, or Redis is away."""
        try:
            return await self._run(lambda: self._redis.client.hget(_key(user_id), "p"))  # type: ignore[return-value, arg-type] # redis-py types the client for both of its worlds
        except RedisUnavailable:
            return None

    async def put(self, user: User) -> bytes:
        """Keep a profile, unless a newer one is there; returns its JSON."""
        profile = encode(user)
        version = f"{user.updated_at.timestamp():020.6f}"
        try:
            await self._run(
                lambda: self._put(keys=[_key(user.id)], args=[version, profile, self._seconds])
            )
        except RedisUnavailable:
            self._outdated_now(user.id)
        return profile

    async def remove(self, user_id: str) -> None:
        """Nothing of a person is kept."""
        try:
            await self._run(lambda: self._redis.client.delete(_key(user_id)))
        except RedisUnavailable:
            self._outdated_now(user_id)

    async def _run(self, call: Callable[[], Awaitable[_T]]) -> _T:
        """As :meth:`RedisClient.run`, after what is outdated was forgotten."""

        async def after_outdated() -> _T:
            for user_id in list(self._outdated):  # one by one: a cluster keeps them apart
                await self._redis.client.delete(_key(user_id))
            return await call()

        outdated = dict(self._outdated)
        result = await self._redis.run(after_outdated)
        if outdated:
            self._outdated = {
                user: change
                for user, change in self._outdated.items()
                if outdated.get(user) != change
            }
        return result

    def _outdated_now(self, user_id: str) -> None:
        """What Redis keeps of this user may be old."""
        self._changes += 1
        self._outdated.pop(user_id, None)
        if len(self._outdated) < _MOST_OUTDATED:
            self._outdated[user_id] = self._changes


def _key(user_id: str) -> str:
    return f"profile:{user_id}"
