"""Redis, imported late and yet checked at the start."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gateway.cache.redis_client import RedisClient
from shared.config.settings import SettingsError


@pytest.mark.parametrize("url", ["", "http://h", "redis//h", "redis://h:port", "redis://h:70000"])
def test_a_url_that_is_none_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(SettingsError, match="REDIS_URL"):
        RedisClient(url)


@pytest.mark.parametrize(
    "url", ["redis://h", "rediss://:secret@h:6380/1", "unix:///run/redis.sock"]
)
def test_nothing_is_connected_and_nothing_imported_before_it_is_wanted(url: str) -> None:
    code = (
        "import sys; from gateway.cache.redis_client import RedisClient;"
        f"RedisClient({url!r}); sys.exit('redis' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
