"""``make dev KAFKA=apache``: the same system, and records that outlive a restart."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from confluent_kafka import Consumer, TopicPartition

from shared.contract.topics import TOPICS, USER_REGISTER
from tests.e2e.dev import START_S, Dev, copy_project

pytestmark = pytest.mark.apache

_PARTITIONS = next(topic.partitions for topic in TOPICS if topic.name == USER_REGISTER)
_CREDENTIALS = {"email": "ada@example.com", "password": "correct horse battery"}


def records(bootstrap_servers: str) -> int:
    """How many commands to register the topic has."""
    consumer = Consumer({"bootstrap.servers": bootstrap_servers, "group.id": "unused"})
    ends = [
        consumer.get_watermark_offsets(TopicPartition(USER_REGISTER, number), timeout=30)[1]
        for number in range(_PARTITIONS)
    ]
    consumer.close()
    return sum(ends)


def test_commands_are_still_there_after_a_restart(service_folder: Path) -> None:
    folder = copy_project(service_folder / "dev")
    dev = Dev(folder, KAFKA="apache")
    try:
        dev.see("Ready in", timeout=2 * START_S)
        url = f"{dev.env['API_URL']}/api/v1/auth"
        assert httpx.post(f"{url}/register", json=_CREDENTIALS, timeout=30).status_code == 201
        assert records(dev.env["KAFKA_BOOTSTRAP_SERVERS"]) == 1
    finally:
        dev.close()

    dev = Dev(folder, KAFKA="apache")
    try:
        dev.see("Ready in", timeout=2 * START_S)
        url = f"{dev.env['API_URL']}/api/v1/auth"
        assert httpx.post(f"{url}/login", json=_CREDENTIALS, timeout=30).status_code == 200
        assert records(dev.env["KAFKA_BOOTSTRAP_SERVERS"]) == 1
    finally:
        dev.close()
