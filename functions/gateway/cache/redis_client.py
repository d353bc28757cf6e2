"""Redis, which the gateway can do without.

Waiting for an unavailable Redis at each request would turn a cache into an outage. So after a
failure all calls fail at once for a moment.

redis-py is as large as the rest of the gateway's own imports, and health, keys and documents need
none of it. It is imported when the first request needs it, or before a snapshot is taken.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from shared.config.settings import SettingsError

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.commands.core import AsyncScript

log = logging.getLogger(__name__)

_T = TypeVar("_T")

_TIMEOUT_S = 0.5
_PAUSE_S = 2.0
_SCHEMES = ("redis://", "rediss://", "unix://")


class RedisUnavailable(Exception):
    """Redis does not answer, or did not a moment ago."""


class RedisClient:
    """A Redis client that fails fast.

    Args:
        iam_cache: the name of the ElastiCache cache, where AWS credentials are the password.

    Attributes:
        failures: number of calls that failed.

    Raises:
        SettingsError: this is not the URL of a Redis.
    """

    def __init__(self, url: str, iam_cache: str = "") -> None:
        _check(url)
        self._url = url
        self._iam_cache = iam_cache
        self.failures = 0
        self._retry_at = 0.0

    @cached_property
    def client(self) -> Redis:
        """redis-py's client; its calls belong into :meth:`run`."""
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        url, credentials = self._url, None
        if self._iam_cache:
            from shared.security.elasticache_iam import iam_credentials

            url, credentials = iam_credentials(url, self._iam_cache)
        return Redis.from_url(
            url,
            credential_provider=credentials,
            socket_timeout=_TIMEOUT_S,
            socket_connect_timeout=_TIMEOUT_S,
            # One more try: a socket may have died while the environment was frozen.
            retry=Retry(NoBackoff(), 1),
        )

    def script(self, text: str) -> Callable[..., Awaitable[Any]]:
        """Return a Lua script that is called with ``keys`` and ``args``; once sent, its hash is."""

        @cache
        def registered() -> AsyncScript:
            return self.client.register_script(text)

        return lambda **given: registered()(**given)

    async def run(self, call: Callable[[], Awaitable[_T]]) -> _T:
        """Return the result of a call that uses :attr:`client`.

        Raises:
            RedisUnavailable: it failed, or another did less than two seconds ago.
        """
        if time.monotonic() < self._retry_at:
            self.failures += 1
            raise RedisUnavailable
        from redis.exceptions import RedisError

        try:
            return await call()
        except (RedisError, OSError) as error:
            self.failures += 1
            self._retry_at = time.monotonic() + _PAUSE_S
            log.warning("redis is away", extra={"reason": type(error).__name__})
            raise RedisUnavailable from None

    async def close(self) -> None:
        """Close the connections."""
        if "client" in vars(self):
            await self.client.aclose()


def _check(url: str) -> None:
    """Raise SettingsError at the start where redis-py would fail at the first request."""
    try:
        known = urlsplit(url).port != 0 and url.startswith(_SCHEMES)
    except ValueError:
        known = False
    if not known:
        raise SettingsError("REDIS_URL is not the URL of a Redis.")
