"""The rate limit: a window that moves, in Redis and, while that is away, in the process."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from gateway.cache.redis_client import RedisClient
from gateway.middleware.rate_limit import Allowance, RateLimit
from tests.services import eventually


@pytest.fixture(params=["redis", "memory"])
def url(request: pytest.FixtureRequest, redis_url: str) -> str:
    """Where requests are counted."""
    return redis_url if request.param == "redis" else "redis://127.0.0.1:1"


@pytest.fixture
def client() -> str:
    """Return an address whose network no other test has."""
    return f"2001:db8:{uuid.uuid4().hex[:4]}:{uuid.uuid4().hex[:4]}::1"


class Gateway:
    """One of several that count in the same place."""

    def __init__(self, url: str, *, requests: int, seconds: int) -> None:
        self._loop = asyncio.Runner()
        self._redis = RedisClient(url)
        self._rate_limit = RateLimit(self._redis, requests=requests, seconds=seconds)

    def admit(self, client: str) -> Allowance:
        return self._loop.run(self._rate_limit.admit(client))

    def close(self) -> None:
        self._loop.run(self._redis.close())
        self._loop.close()


def test_so_many_are_admitted_and_each_is_told_how_many_are_left(url: str, client: str) -> None:
    gateway = Gateway(url, requests=3, seconds=60)

    seen = [gateway.admit(client) for _ in range(5)]
    other = gateway.admit("192.0.2.1")
    gateway.close()

    assert [each.admitted for each in seen] == [True, True, True, False, False]
    assert [each.remaining for each in seen] == [2, 1, 0, 0, 0]
    assert all(0 < each.reset_s <= 60 for each in seen)
    assert (other.admitted, other.remaining) == (True, 2)


def test_who_is_refused_and_goes_on_asking_is_admitted_when_the_window_has_passed(
    url: str, client: str
) -> None:
    gateway = Gateway(url, requests=1, seconds=2)

    first, second = gateway.admit(client), gateway.admit(client)
    again = eventually(lambda: gateway.admit(client).admitted)
    gateway.close()

    assert (first.admitted, second.admitted, again) == (True, False, True)


def test_gateways_count_together(redis_url: str, client: str) -> None:
    gateways = [Gateway(redis_url, requests=3, seconds=60) for _ in range(2)]

    left = [gateway.admit(client).remaining for gateway in (*gateways, *gateways)]
    for gateway in gateways:
        gateway.close()

    assert left == [2, 1, 0, 0]
