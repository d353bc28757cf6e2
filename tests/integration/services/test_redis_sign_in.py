"""Both functions that use a cache sign in to it as the user of their URL, by a token."""

from __future__ import annotations

import asyncio

import pytest
from redis import Redis

from gateway.cache.redis_client import RedisClient
from local.keys import Keys
from notification.bootstrap import NotificationFunction
from notification.settings import Settings

USER = "signs-in-by-token"


@pytest.fixture
def url(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Of a user who may do nothing but say who they are, and for whom any token will do."""
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with Redis.from_url(redis_url) as admin:
        allowed = ["+acl|whoami", "+@connection"]
        admin.acl_setuser(USER, enabled=True, nopass=True, commands=allowed)
    _, _, place = redis_url.rpartition("@")
    return f"redis://{USER}@{place}"


def test_the_gateway(url: str) -> None:
    async def who() -> str | bytes:
        redis = RedisClient(url, "users-cache")
        found = await redis.client.acl_whoami()
        await redis.close()
        return found

    assert asyncio.run(who()) in (USER, USER.encode())


def test_the_notification_function(url: str, keys: Keys) -> None:
    function = NotificationFunction(
        Settings(
            redis_url=url,
            redis_iam_cache="users-cache",
            notification_private_keys=keys.notification.to_json(),
            mail_from="a@example.com",
            link_base_url="https://example.com",
        )
    )
    said = function._redis.acl_whoami()
    function.close()

    assert said in (USER, USER.encode())
