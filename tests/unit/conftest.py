"""Unit tests open no sockets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_socket import disable_socket, enable_socket


@pytest.fixture(autouse=True)
def no_sockets() -> Iterator[None]:
    """Refuse sockets, but for the pair inside an asyncio event loop."""
    disable_socket(allow_unix_socket=True)
    yield
    enable_socket()
