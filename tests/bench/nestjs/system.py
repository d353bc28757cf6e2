"""Runs the NestJS system on the services of the bench; ``make bench KAFKA=apache`` builds it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

import jwt
from confluent_kafka.admin import AdminClient

from local import ports
from local.environment import Addresses
from local.process import Command, Group, Process
from shared.bus.topic_admin import ensure_topics
from shared.contract.topics import Topic

_BUILD: Final = Path(__file__).with_name("build")
_SECRET: Final = "thirty-two bytes that nobody else knows"
_ASK: Final = "nestjs.user.find"
_HOUR: Final = 3600
_QUIET: Final = {"KAFKAJS_NO_PARTITIONER_WARNING": "1", "NODE_NO_WARNINGS": "1"}


def built() -> bool:
    """Whether it can be run here."""
    return (_BUILD / "gateway.js").exists()


def start(addresses: Addresses, group: Group) -> str:
    """Start both processes; the gateway's URL.

    Args:
        addresses: Apache Kafka (KafkaJS does not speak to the embedded broker), Redis, PostgreSQL.
        group: the processes end with it.
    """
    topics = [Topic(name, 4, _HOUR * 1000) for name in (_ASK, f"{_ASK}.reply")]
    ensure_topics(AdminClient({"bootstrap.servers": addresses.kafka}), topics)
    port = ports.any_free()
    variables = {
        **os.environ,
        **_QUIET,
        "KAFKA_BOOTSTRAP_SERVERS": addresses.kafka,
        "DATABASE_URL": addresses.database,
        "REDIS_URL": addresses.redis.rstrip("0") + "2",
        "JWT_SECRET": _SECRET,
        "PORT": str(port),
    }
    for name, ready in (("user", "user service listens"), ("gateway", "gateway listens")):
        argv = ("node", str(_BUILD / f"{name}.js"))
        Process(Command(f"nestjs {name}", argv, variables, ready), group).wait_ready(60)
    return f"http://{ports.HOST}:{port}"


def token(user_id: str) -> str:
    """An access token of this system."""
    return jwt.encode({"sub": user_id, "exp": int(time.time()) + _HOUR}, _SECRET, "HS256")
