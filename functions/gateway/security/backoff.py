"""Delays that grow: each further try makes the next one wait longer.

``limits`` counts in windows, which end at once for all tries in them. A delay that doubles stops a
guesser sooner, and a user who is mistaken a few times does not feel it. It has an upper bound, and
after a while all tries are forgotten, so no user is locked out for good. A try during a delay is
refused without being looked at, and does not make the delay longer.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from contextlib import suppress

import msgspec

from gateway.cache.redis_client import RedisClient, RedisUnavailable

_REMEMBERED = 10_000

# n: tries so far; u: when the next one may come (Unix ms, by Redis's clock).
_HIT = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local kept = redis.call('HMGET', KEYS[1], 'n', 'u')
local tries, next = tonumber(kept[1] or '0') + 1, tonumber(kept[2] or '0')
if now < next then return next - now end
local delay = 0
if tries > tonumber(ARGV[1]) then
    delay = math.min(ARGV[2] * 2 ^ (tries - ARGV[1] - 1), tonumber(ARGV[3]))
end
redis.call('HSET', KEYS[1], 'n', tries, 'u', string.format('%.0f', now + delay))
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 0
"""
_REFUND = """
if redis.call('EXISTS', KEYS[1]) == 1 then
    redis.call('HINCRBY', KEYS[1], 'n', -1)
    redis.call('HSET', KEYS[1], 'u', 0)
end
return 0
"""


class BackoffPolicy(msgspec.Struct, frozen=True):
    """How fast delays grow.

    Attributes:
        free: tries without a delay.
        first_ms, longest_ms: the first delay, doubled at each try up to the longest.
        forget_ms: after so long without a try, all tries are forgotten.
    """

    free: int
    first_ms: int = 1_000
    longest_ms: int = 300_000
    forget_ms: int = 3_600_000

    def delay_ms(self, tries: int) -> int:
        """Return the delay after so many tries, in milliseconds."""
        if tries <= self.free:
            return 0
        doubled: int = self.first_ms << min(tries - self.free - 1, 30)
        return min(doubled, self.longest_ms)


class Backoff:
    """Counts tries by name: in Redis, or in this process while Redis is unavailable."""

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis
        self._hit = redis.script(_HIT)
        self._refund = redis.script(_REFUND)
        self._own = _LocalBackoff()

    async def hit(self, name: str, policy: BackoffPolicy) -> int:
        """Count a try and return 0, or return the milliseconds to wait: then it does not count."""
        args = [policy.free, policy.first_ms, policy.longest_ms, policy.forget_ms]
        try:
            return int(await self._redis.run(lambda: self._hit(keys=[_key(name)], args=args)))
        except RedisUnavailable:
            return self._own.hit(name, policy)

    async def refund(self, name: str) -> None:
        """Take the last try back; the next may come at once."""
        self._own.refund(name)
        with suppress(RedisUnavailable):
            await self._redis.run(lambda: self._refund(keys=[_key(name)]))

    async def forget(self, name: str) -> None:
        """Forget all tries."""
        self._own.forget(name)
        with suppress(RedisUnavailable):
            await self._redis.run(lambda: self._redis.client.delete(_key(name)))


class _LocalBackoff:
    """The same in memory: tries and the next moment (monotonic ms), the least recent dropped."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def hit(self, name: str, policy: BackoffPolicy) -> int:
        now = time.monotonic() * 1000
        tries, next_ = self._kept.get(name, (0, 0.0))
        if now < next_:
            return int(next_ - now) + 1
        if now > next_ + policy.forget_ms:
            tries = 0
        self._kept[name] = (tries + 1, now + policy.delay_ms(tries + 1))
        self._kept.move_to_end(name)
        if len(self._kept) > _REMEMBERED:
            self._kept.popitem(last=False)
        return 0

    def refund(self, name: str) -> None:
        if name in self._kept:
            self._kept[name] = (self._kept[name][0] - 1, 0.0)

    def forget(self, name: str) -> None:
        self._kept.pop(name, None)


def _key(name: str) -> str:
    return f"tries:{name}"
