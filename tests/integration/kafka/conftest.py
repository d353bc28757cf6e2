"""A client of the session's broker that may change it."""

from __future__ import annotations

import pytest
from confluent_kafka.admin import AdminClient


@pytest.fixture
def admin(broker: str) -> AdminClient:
    return AdminClient({"bootstrap.servers": broker})
