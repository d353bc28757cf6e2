"""Redis, as something the gateway can do without.

While it is away, waiting for it at each request would turn a cache into an outage. So after a
failure it is left alone for a moment, and whoever wanted it is told at once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

_T = TypeVar("_T")

_TIMEOUT_S = 0.5
_PAUSE_S = 2.0


class Away(Exception):
    """Redis does not answer, or did not a moment ago."""


class OptionalRedis:
    """A Redis client that fails fast.

    Attributes:
        client: the client itself, for those who bring their own commands.
        failures: how many calls found it away.
    """

    def __init__(self, url: str) -> None:
        self.client: Redis = Redis.from_url(
            url,
            socket_timeout=_TIMEOUT_S,
            socket_connect_timeout=_TIMEOUT_S,
            # One more try: a socket may have died while the environment was frozen.
            retry=Retry(NoBackoff(), 1),
        )
        self.failures = 0
        self._retry_at = 0.0

    async def run(self, call: Callable[[], Awaitable[_T]]) -> _T:
        """The result of a call that uses :attr:`client`.

        Raises:
            Away: it failed, or one did less than two seconds ago.
        """
        if time.monotonic() < self._retry_at:
            self.failures += 1
            raise Away
        try:
            return await call()
        except (RedisError, OSError) as error:
            self.failures += 1
            self._retry_at = time.monotonic() + _PAUSE_S
            log.warning("redis is away", extra={"reason": type(error).__name__})
            raise Away from None

    async def close(self) -> None:
        """Close the connections."""
        await self.client.aclose()
