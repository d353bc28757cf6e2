"""Servers for the notification function."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from local import ports
from local.process import Group, Process
from local.services.redis import Redis as RedisServer
from tests.integration.notification import certificates
from tests.integration.notification.certificates import Certificate
from tests.integration.notification.mail_server import MailServer
from tests.services import start


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    """Start a plain SMTP server."""
    with MailServer() as server:
        yield server


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """For servers that speak TLS."""
    return certificates.make(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    """Empty a Redis for one test."""
    client = Redis.from_url(redis_url, decode_responses=True)
    client.flushdb()
    yield client
    client.close()


@pytest.fixture
def mortal_redis(tmp_path: Path, group: Group) -> Iterator[tuple[str, Process]]:
    """Start a Redis that a test may kill; yield its URL and its process."""
    server = RedisServer(tmp_path / "redis", ports.any_free(), durable=False)
    server.prepare()
    process, _ = start(server.command(), group)
    yield server.url, process
    process.stop()
