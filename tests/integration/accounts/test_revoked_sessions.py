"""Revoked sessions are known to all gateways, and Redis catches up after an outage."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.cache.redis_client import RedisClient
from gateway.security.revoked_sessions import RevokedSessions
from local import ports
from local.process import Group, Process
from local.services.redis import Redis
from tests.services import start


@pytest.fixture
def server(service_folder: Path) -> Redis:
    server = Redis(service_folder / "redis-of-sessions", ports.any_free(), durable=False)
    server.prepare()
    return server


class Gateways:
    """Two gateways, and a Redis that can be away."""

    def __init__(self, server: Redis, group: Group) -> None:
        self._server, self._group = server, group
        self._process: Process | None = None

    def begin(self) -> None:
        self._process, _ = start(self._server.command(), self._group)

    def end(self) -> None:
        if self._process:
            self._process.stop()
            self._process = None

    def both(self) -> tuple[RevokedSessions, RevokedSessions, list[RedisClient]]:
        clients = [RedisClient(self._server.url) for _ in range(2)]
        one, other = (RevokedSessions(client, seconds=60) for client in clients)
        return one, other, clients


@pytest.fixture
def gateways(server: Redis, group: Group) -> Iterator[Gateways]:
    gateways = Gateways(server, group)
    yield gateways
    gateways.end()


def test_what_one_gateway_ends_all_know(gateways: Gateways) -> None:
    gateways.begin()

    async def go() -> list[bool]:
        one, other, clients = gateways.both()
        await one.add("s1", "s2")
        known = [await other.has(each) for each in ("s1", "s2", "s3")]
        for client in clients:
            await client.close()
        return known

    assert asyncio.run(go()) == [True, True, False]


def test_a_redis_that_was_away_is_told_what_it_missed(gateways: Gateways) -> None:
    async def go() -> tuple[bool, bool, bool]:
        one, other, clients = gateways.both()
        await one.add("s1")
        own, foreign = await one.has("s1"), await other.has("s1")
        await asyncio.to_thread(gateways.begin)
        for _ in range(100):
            await one.has("any other")
            if await other.has("s1"):
                break
            await asyncio.sleep(0.05)
        told = await other.has("s1")
        for client in clients:
            await client.close()
        return own, foreign, told

    assert asyncio.run(go()) == (True, False, True)
