"""A real Apache Kafka for the tests that ask for one."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from confluent_kafka.admin import AdminClient

from local.services.apache_kafka import ApacheKafka


@pytest.fixture(scope="session")
def apache_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApacheKafka]:
    """One broker, shared by the session."""
    if os.environ.get("KAFKA") != "apache":
        pytest.skip("needs Apache Kafka: make test KAFKA=apache")
    with ApacheKafka(tmp_path_factory.mktemp("kafka")) as kafka:
        yield kafka


@pytest.fixture
def admin(apache_kafka: ApacheKafka) -> AdminClient:
    return AdminClient({"bootstrap.servers": apache_kafka.bootstrap_servers})
