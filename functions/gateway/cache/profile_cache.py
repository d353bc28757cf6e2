"""Profiles kept in Redis as the JSON that is served.

Several gateways may fill and replace the same profile at the same time. What counts is the user's
``updatedAt``: an older profile never takes the place of a newer one.

During a deployment gateways may disagree on the members of a profile. Each serves only what was
written with its own members; a change through any of them makes the others read the profile again.

While Redis is unavailable a change cannot replace what it keeps. The gateway that made the change
remembers whose profile that is, and deletes it before it reads a profile from Redis again. Should
the process end before that, an old profile is shown until it expires.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from gateway.cache.redis_client import RedisClient, RedisUnavailable
from shared.contract.messages import User, encode

_T = TypeVar("_T")

_MOST_OUTDATED = 10_000
_MEMBERS = ",".join(User.__struct_fields__)

# A hash: v, the version (microseconds, as text of one length), and the profile under the names of
# its members. A newer version drops the ones written with other members.
_PUT = """
local kept = redis.call('HGET', KEYS[1], 'v')
if kept and kept > ARGV[1] then return 0 end
if kept and kept < ARGV[1] then redis.call('DEL', KEYS[1]) end
redis.call('HSET', KEYS[1], 'v', ARGV[1], ARGV[2], ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
"""


class ProfileCache:
    """Profiles by user id.

    Args:
        seconds: how long one is kept.
    """

    def __init__(self, redis: RedisClient, *, seconds: int, members: str = _MEMBERS) -> None:
        self._redis = redis
        self._seconds = seconds
        self._members = members
        self._put = redis.script(_PUT)
        # By user: the number of the latest change, so that one that comes meanwhile stays.
        self._outdated: dict[str, int] = {}
        self._changes = 0

    async def get(self, user_id: str) -> bytes | None:
        """Return the profile's JSON; None when it is not there, or Redis is unavailable."""
        try:
            return await self._run(
                lambda: self._redis.client.hget(_key(user_id), self._members)  # type: ignore[return-value, arg-type] # redis-py types the client for both of its worlds
            )
        except RedisUnavailable:
            return None

    async def put(self, user: User) -> bytes:
        """Keep a profile, unless a newer one is there; return its JSON."""
        profile = encode(user)
        version = f"{user.updated_at.timestamp():020.6f}"
        args = [version, self._members, profile, self._seconds]
        try:
            await self._run(lambda: self._put(keys=[_key(user.id)], args=args))
        except RedisUnavailable:
            self._mark_outdated(user.id)
        return profile

    async def remove(self, user_id: str) -> None:
        """Delete a user's profile."""
        try:
            await self._run(lambda: self._redis.client.delete(_key(user_id)))
        except RedisUnavailable:
            self._mark_outdated(user_id)

    async def _run(self, call: Callable[[], Awaitable[_T]]) -> _T:
        """Delete what is outdated, and then do as :meth:`RedisClient.run`."""

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

    def _mark_outdated(self, user_id: str) -> None:
        self._changes += 1
        self._outdated.pop(user_id, None)
        if len(self._outdated) < _MOST_OUTDATED:
            self._outdated[user_id] = self._changes


def _key(user_id: str) -> str:
    return f"profile:{user_id}"
