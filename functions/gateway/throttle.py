"""The rate limit: so many requests from one client in any minute, counted in Redis.

Counting is the ``limits`` library's, with an exact moving window. While Redis is away each process
counts for itself.
"""

from __future__ import annotations

import math
import time

import msgspec
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.network import network_of
from gateway.optional import Away, OptionalRedis
from gateway.problems import problem


class Allowance(msgspec.Struct, frozen=True):
    """What a client may still do.

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
        """The fields of draft-ietf-httpapi-ratelimit-headers-10, and Retry-After on refusal."""
        fields = {
            "ratelimit-policy": f'"default";q={self.quota};w={self.window_s}',
            "ratelimit": f'"default";r={self.remaining};t={self.reset_s}',
        }
        return fields if self.admitted else {**fields, "retry-after": str(self.reset_s)}


class Throttle:
    """Counts requests.

    Args:
        redis: where they are counted.
        requests, seconds: the limit.
    """

    def __init__(self, redis: OptionalRedis, *, requests: int, seconds: int) -> None:
        self._redis = redis
        self._limit: RateLimitItem = RateLimitItemPerSecond(requests, seconds)
        storage = RedisStorage(
            "async+redis://",
            implementation="redispy",
            connection_pool=redis.client.connection_pool,  # type: ignore[arg-type] # its own annotation is too narrow
            key_prefix="throttle",
        )
        self._shared = MovingWindowRateLimiter(storage)
        self._own = MovingWindowRateLimiter(MemoryStorage())

    async def admit(self, address: str) -> Allowance:
        """Count one request of a client."""
        client = network_of(address)
        try:
            return await self._redis.run(lambda: self._count(self._shared, client))
        except Away:
            return await self._count(self._own, client)

    async def _count(self, limiter: MovingWindowRateLimiter, client: str) -> Allowance:
        admitted = await limiter.hit(self._limit, client)
        window = await limiter.get_window_stats(self._limit, client)
        return Allowance(
            admitted=admitted,
            quota=self._limit.amount,
            window_s=self._limit.get_expiry(),
            remaining=window.remaining,
            reset_s=max(1, math.ceil(window.reset_time - time.time())),
        )


class Throttled:
    """ASGI middleware: counts requests before anything is read of them.

    Args:
        prefix: the paths that are limited.
    """

    def __init__(self, app: ASGIApp, throttle: Throttle, prefix: str) -> None:
        self._app = app
        self._throttle = throttle
        self._prefix = prefix + "/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it; its allowance is on the response either way."""
        if scope["type"] != "http" or not scope["path"].startswith(self._prefix):
            await self._app(scope, receive, send)
            return
        client = scope.get("client")
        allowance = await self._throttle.admit(client[0] if client else "")

        async def send_with_allowance(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(allowance.headers())
            await send(message)

        app = self._app if allowance.admitted else _refusal(allowance)
        await app(scope, receive, send_with_allowance)


def _refusal(allowance: Allowance) -> ASGIApp:
    quota = f"{allowance.quota} requests in {allowance.window_s} seconds"
    return problem(429, "too-many-requests", f"No more than {quota} are allowed.")
