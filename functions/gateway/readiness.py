"""Readiness: whether a request would be served now."""

from __future__ import annotations

import time
from typing import Literal

from gateway.cache.redis_client import RedisClient, RedisUnavailable
from gateway.http.responses import Readiness
from gateway.user_service.accounts import AccountCommands
from shared.contract.errors import Overloaded, ReplyTimeout, ServiceError

State = Literal["up", "down", "unknown"]

_PATIENCE_S = 2.0
_KEPT_S = 1.0


class ReadinessProbe:
    """Pings the user service over Kafka, which shows broker, function and database at once.

    Redis is reported and not required: requests are served without it.
    """

    def __init__(self, accounts: AccountCommands, redis: RedisClient) -> None:
        self._accounts = accounts
        self._redis = redis
        self._kept: Readiness | None = None
        self._kept_until = 0.0

    async def check(self) -> Readiness:
        """Return the state of everything, no older than a second."""
        if self._kept is None or time.monotonic() > self._kept_until:
            kafka, user = await self._ping_user()
            checks: dict[str, State] = {
                "kafka": kafka,
                "redis": await self._ping_redis(),
                "user": user,
            }
            status: Literal["ready", "not-ready"] = "ready" if user == "up" else "not-ready"
            self._kept = Readiness(status=status, checks=checks)
            self._kept_until = time.monotonic() + _KEPT_S
        return self._kept

    async def _ping_user(self) -> tuple[State, State]:
        try:
            await self._accounts.ping(_PATIENCE_S)
        except ReplyTimeout:
            return "up", "down"
        except Overloaded:
            # Other requests are served: sending them elsewhere would overload the next gateway.
            return "up", "up"
        except ServiceError:
            return "down", "unknown"
        return "up", "up"

    async def _ping_redis(self) -> State:
        try:
            await self._redis.run(lambda: self._redis.client.ping())
        except RedisUnavailable:
            return "down"
        return "up"
