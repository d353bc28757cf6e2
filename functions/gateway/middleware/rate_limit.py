"""The rate limit: so many requests from one client in any window, counted in Redis.

The ``limits`` library counts, with an exact moving window. While Redis is unavailable each process
counts for itself.
"""

from __future__ import annotations

import math
import time
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.cache.redis_client import RedisClient, RedisUnavailable
from gateway.http.problems import problem
from gateway.security.client_network import network_of

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.aio.strategies import MovingWindowRateLimiter


class Allowance(msgspec.Struct, frozen=True):
    """The requests that a client has left.

    Attributes:
        quota, window_s: so many requests in so many seconds.
        remaining: requests left now; ``admitted`` says whether this one is among the allowed.
        reset_s: seconds until there is one more.
    """

    admitted: bool
    quota: int
    window_s: int
    remaining: int
    reset_s: int

    def headers(self) -> dict[str, str]:
        """Return draft-ietf-httpapi-ratelimit-headers-10's fields; on refusal Retry-After too."""
        fields = {
            "ratelimit-policy": f'"default";q={self.quota};w={self.window_s}',
            "ratelimit": f'"default";r={self.remaining};t={self.reset_s}',
        }
        return fields if self.admitted else {**fields, "retry-after": str(self.reset_s)}


class _Limiters(NamedTuple):
    """The limit, and what counts by it: with other gateways in Redis, or in this process."""

    limit: RateLimitItem
    shared: MovingWindowRateLimiter
    own: MovingWindowRateLimiter


class RateLimit:
    """A limit of requests for each client.

    Args:
        redis: where they are counted.
        requests, seconds: the limit.
    """

    def __init__(self, redis: RedisClient, *, requests: int, seconds: int) -> None:
        self._redis = redis
        self._requests, self._seconds = requests, seconds

    @cached_property
    def _limiters(self) -> _Limiters:
        # Imported when it is first needed, like redis-py; see gateway.cache.redis_client.
        from limits import RateLimitItemPerSecond
        from limits.aio.storage import MemoryStorage, RedisStorage
        from limits.aio.strategies import MovingWindowRateLimiter

        storage = RedisStorage(
            "async+redis://",
            implementation="redispy",
            connection_pool=self._redis.client.connection_pool,  # type: ignore[arg-type] # its own annotation is too narrow
            key_prefix="throttle",
        )
        return _Limiters(
            limit=RateLimitItemPerSecond(self._requests, self._seconds),
            shared=MovingWindowRateLimiter(storage),
            own=MovingWindowRateLimiter(MemoryStorage()),
        )

    async def admit(self, address: str) -> Allowance:
        """Count a request of a client; return what the client has left."""
        client = network_of(address)
        try:
            return await self._redis.run(lambda: self._count(self._limiters.shared, client))
        except RedisUnavailable:
            return await self._count(self._limiters.own, client)

    async def _count(self, limiter: MovingWindowRateLimiter, client: str) -> Allowance:
        limit = self._limiters.limit
        admitted = await limiter.hit(limit, client)
        window = await limiter.get_window_stats(limit, client)
        return Allowance(
            admitted=admitted,
            quota=limit.amount,
            window_s=limit.get_expiry(),
            remaining=window.remaining,
            reset_s=max(1, math.ceil(window.reset_time - time.time())),
        )


class RateLimitMiddleware:
    """ASGI middleware that counts requests before it reads anything of them.

    Args:
        prefix: of the paths that are limited.
    """

    def __init__(self, app: ASGIApp, rate_limit: RateLimit, prefix: str) -> None:
        self._app = app
        self._rate_limit = rate_limit
        self._prefix = prefix + "/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it; the response has the allowance either way."""
        if scope["type"] != "http" or not scope["path"].startswith(self._prefix):
            await self._app(scope, receive, send)
            return
        client = scope.get("client")
        allowance = await self._rate_limit.admit(client[0] if client else "")

        async def send_with_allowance(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(allowance.headers())
            await send(message)

        app = self._app if allowance.admitted else _refusal(allowance)
        await app(scope, receive, send_with_allowance)


def _refusal(allowance: Allowance) -> ASGIApp:
    quota = f"{allowance.quota} requests in {allowance.window_s} seconds"
    return problem(429, "too-many-requests", f"No more than {quota} are allowed.")
