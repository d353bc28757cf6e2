"""Apache Kafka with our system on it, and NestJS beside it. ``make interop`` builds the latter.

A broker of its own: two user services on one broker would both answer.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from local.environment import Addresses
from local.keys import Keys
from local.process import Command, Group, Process
from local.services import apache_kafka
from local.services.kafka_jars import KafkaUnavailable, class_path, java
from shared.bus.topic_admin import ensure_topics
from shared.contract.topics import Topic
from tests.interop.nestjs import BUILD, NestClient, nest_environment
from tests.services import Inbox, System, start

# NestJS's client reads replies from the topic of each pattern, with `.reply` behind it.
REPLY_TOPICS = [
    Topic(f"user.{verb}.reply", 1, 600_000) for verb in ("register", "validate", "find", "update")
]


@pytest.fixture(scope="session")
def _what_is_needed() -> None:
    if shutil.which("node") is None:
        pytest.skip("needs Node.js")
    if not (BUILD / "client.js").exists():
        pytest.skip("NestJS is not built: make interop")
    try:
        java()
        class_path(apache_kafka.JARS)
    except KafkaUnavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def apache(_what_is_needed: None, group: Group, service_folder: Path) -> Iterator[str]:
    """Bootstrap servers of Apache Kafka with our topics and NestJS's reply topics."""
    process, told = start(apache_kafka.command(service_folder / "interop-kafka"), group)
    ensure_topics(AdminClient({"bootstrap.servers": told["address"]}), REPLY_TOPICS)
    yield told["address"]
    process.stop()


@pytest.fixture(scope="module")
def our_system(
    apache: str, database_url: str, redis_url: str, inbox: Inbox, keys: Keys
) -> Iterator[System]:
    """Our processes, not yet started, on Apache Kafka; they take plain secrets."""
    addresses = Addresses(
        api="",
        inbox=inbox.url,
        kafka=apache,
        database=database_url,
        redis=redis_url,
        smtp=inbox.smtp_url,
        embedded_broker=False,
    )
    system = System(addresses, keys, inbox, {"BCRYPT_COST": "4", "ACCEPT_PLAIN_SECRETS": "true"})
    yield system
    system.close()


@pytest.fixture(scope="module")
def nest_client(apache: str) -> Iterator[NestClient]:
    client = NestClient(apache)
    yield client
    client.close()


@pytest.fixture(scope="module")
def nest_service(apache: str, keys: Keys, group: Group) -> Iterator[list[str]]:
    """A NestJS user service; the value is the lines it writes."""
    variables = {**nest_environment(apache), "USER_PRIVATE_KEYS": keys.user.to_json()}
    lines: list[str] = []
    argv = ("node", str(BUILD / "service.js"))
    process = Process(
        Command("nestjs", argv, variables, ready="NestJS user service listens"), group, lines.append
    )
    process.wait_ready(60)
    yield lines
    process.stop()
