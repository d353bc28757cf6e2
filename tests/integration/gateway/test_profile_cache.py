"""The cache of profiles, while gateways of two releases share one Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from gateway.cache.profile_cache import ProfileCache
from gateway.cache.redis_client import RedisClient
from shared.contract.messages import User

NOW = datetime.now(UTC)


@pytest.fixture
def user(request: pytest.FixtureRequest) -> User:
    name = request.node.name
    return User(
        id=name, email="a@b", name="Ada", email_verified=True, created_at=NOW, updated_at=NOW
    )


def run(url: str, steps: Callable[[ProfileCache, ProfileCache], Awaitable[None]]) -> None:
    """Run steps with the caches of two releases; profiles of the later have a member more."""

    async def go() -> None:
        redis = RedisClient(url)
        await steps(
            ProfileCache(redis, seconds=60), ProfileCache(redis, seconds=60, members="more")
        )
        await redis.close()

    asyncio.run(go())


def test_a_profile_that_lacks_a_member_is_not_served(redis_url: str, user: User) -> None:
    async def steps(before: ProfileCache, after: ProfileCache) -> None:
        profile = await before.put(user)
        assert await after.get(user.id) is None

        assert await after.put(user) == profile
        assert await before.get(user.id) == await after.get(user.id) == profile

    run(redis_url, steps)


def test_a_change_through_one_is_seen_through_the_other(redis_url: str, user: User) -> None:
    async def steps(before: ProfileCache, after: ProfileCache) -> None:
        await before.put(user)
        await after.put(user)
        newer = User(
            id=user.id,
            email=user.email,
            name="Augusta",
            email_verified=True,
            created_at=NOW,
            updated_at=NOW + timedelta(seconds=1),
        )
        await before.put(newer)
        await after.put(user)  # read before the change, kept after it

        assert b"Augusta" in (await before.get(user.id) or b"")
        assert await after.get(user.id) is None

    run(redis_url, steps)
