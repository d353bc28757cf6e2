"""The rate limit: so many requests from one client in any minute, counted in Redis.

The window moves: what counts is the minute before each request, to the millisecond. While Redis is
away each process counts for itself.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict, deque

import msgspec
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.network import network_of
from gateway.optional import Away, OptionalRedis
from gateway.problems import problem

_REMEMBERED = 10_000

# A list of when the admitted requests of the window came (ms by Redis's clock), the oldest first.
# Returned: whether this one is admitted, how many more would be, and ms until the oldest is over.
_COUNT = """
local quota, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local oldest = redis.call('LINDEX', KEYS[1], 0)
while oldest and tonumber(oldest) <= now - window do
    redis.call('LPOP', KEYS[1])
    oldest = redis.call('LINDEX', KEYS[1], 0)
end
local used, admitted = redis.call('LLEN', KEYS[1]), 0
if used < quota then
    redis.call('RPUSH', KEYS[1], string.format('%.0f', now))
    redis.call('PEXPIRE', KEYS[1], window)
    used, admitted = used + 1, 1
end
return {admitted, quota - used, tonumber(oldest or now) + window - now}
"""


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
        self._quota, self._window_s = requests, seconds
        self._count = redis.script(_COUNT)
        self._own = _OwnCounts(requests, seconds * 1000)

    async def admit(self, address: str) -> Allowance:
        """Count one request of a client."""
        client = network_of(address)
        keys, args = [f"requests:{client}"], [self._quota, self._window_s * 1000]
        try:
            counted = await self._redis.run(lambda: self._count(keys=keys, args=args))
        except Away:
            counted = self._own.count(client)
        admitted, remaining, reset_ms = counted
        return Allowance(
            admitted=bool(admitted),
            quota=self._quota,
            window_s=self._window_s,
            remaining=remaining,
            reset_s=max(1, math.ceil(reset_ms / 1000)),
        )


class _OwnCounts:
    """The same in memory, by the monotonic clock; the least recent client is dropped."""

    def __init__(self, quota: int, window_ms: int) -> None:
        self._quota, self._window_ms = quota, window_ms
        self._kept: OrderedDict[str, deque[float]] = OrderedDict()

    def count(self, client: str) -> tuple[bool, int, float]:
        now = time.monotonic() * 1000
        came = self._kept.setdefault(client, deque())
        self._kept.move_to_end(client)
        if len(self._kept) > _REMEMBERED:
            self._kept.popitem(last=False)
        while came and came[0] <= now - self._window_ms:
            came.popleft()
        admitted = len(came) < self._quota
        if admitted:
            came.append(now)
        oldest = came[0] if came else now
        return admitted, self._quota - len(came), oldest + self._window_ms - now


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
