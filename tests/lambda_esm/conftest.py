"""What the tests of the event source mapping share; the broker is the session's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.process import Group
from tests.lambda_esm.command import Runner
from tests.lambda_esm.endpoint import Endpoint
from tests.lambda_esm.kafka import Kafka


@pytest.fixture(scope="session")
def kafka(broker: str) -> Kafka:
    embedded = "KAFKA_BOOTSTRAP_SERVERS" not in os.environ and os.environ.get("KAFKA") != "apache"
    return Kafka(broker, embedded=embedded)


@pytest.fixture
def topic(kafka: Kafka, request: pytest.FixtureRequest) -> str:
    """Make a topic with four partitions; its name has dots and dashes."""
    return kafka.topic(request.function.__name__[:40])


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as endpoint:
        yield endpoint


@pytest.fixture
def esm(tmp_path: Path, kafka: Kafka, group: Group) -> Iterator[Runner]:
    """Start commands; what is left of them ends with the test."""
    runner = Runner(tmp_path, kafka.servers, kafka.fetch_wait_ms, group)
    yield runner
    runner.close()
