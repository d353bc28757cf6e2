"""librdkafka's configuration: where Kafka is, and how Lambda's poller behaves.

Source: librdkafka's CONFIGURATION.md.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaError, TopicPartition

from lambda_esm.model.mapping import GroupProtocol, Mapping
from lambda_esm.settings import KafkaSettings

log = logging.getLogger(__name__)

_QUIET_S = 10.0


def client_config(settings: KafkaSettings) -> dict[str, Any]:
    """Return what every client needs: addresses, security, and how connections are kept."""
    config: dict[str, Any] = {
        "bootstrap.servers": settings.kafka_bootstrap_servers,
        "security.protocol": settings.kafka_security_protocol,
        "socket.keepalive.enable": True,
        "socket.nagle.disable": True,
        "connections.max.idle.ms": 300_000,
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 1_000,
        "log_level": 2,  # error_cb gets what its lines say at each attempt
        "error_cb": _ErrorLog().log,
    }
    pem = {
        "ssl.ca.pem": settings.kafka_ssl_ca,
        "ssl.certificate.pem": settings.kafka_ssl_certificate,
        "ssl.key.pem": settings.kafka_ssl_key,
        "ssl.key.password": settings.kafka_ssl_key_password,
    }
    config.update({name: value for name, value in pem.items() if value})
    config.update(_sasl(settings))
    return config


def consumer_config(
    mapping: Mapping,
    connection: dict[str, Any],
    protocol: GroupProtocol,
    fetch_wait_ms: int,
    on_statistics: Callable[[str], None],
    on_commit: Callable[[KafkaError | None, list[TopicPartition]], None],
) -> dict[str, Any]:
    """Return the configuration of a mapping's consumer.

    Args:
        mapping: whose group to join.
        connection: addresses and security.
        protocol: ``consumer`` is KIP-848, which Apache Kafka 4 has; ``classic`` works everywhere.
        fetch_wait_ms: how long a broker may hold an empty fetch.
        on_statistics: called each second with the state of the group, as JSON.
        on_commit: called with how a commit ended.
    """
    config: dict[str, Any] = {
        **connection,
        "group.id": mapping.group_id,
        "group.protocol": protocol,
        "client.id": f"esm-{mapping.logical_id}",
        # Offsets are stored when a batch is settled, and committed soon after; a store for a
        # partition that has gone is refused, so nothing is committed for its new owner.
        "enable.auto.offset.store": False,
        "enable.auto.commit": True,
        "auto.commit.interval.ms": 100,
        "on_commit": on_commit,
        # A position that retention has overtaken goes on at the oldest record there is.
        "auto.offset.reset": "earliest",
        "fetch.wait.max.ms": fetch_wait_ms,
        "fetch.error.backoff.ms": 50,
        "queued.max.messages.kbytes": 32 * 1024,
        # By default a full queue keeps the next fetch back for a second, however soon it is empty.
        "fetch.queue.backoff.ms": 10,
        # A topic may be made after its mapping.
        "topic.metadata.refresh.interval.ms": 10_000,
        "statistics.interval.ms": 1000,
        "stats_cb": on_statistics,
    }
    if protocol == "classic":
        config["partition.assignment.strategy"] = "cooperative-sticky"
    return config


def _sasl(settings: KafkaSettings) -> dict[str, Any]:
    if settings.kafka_sasl_mechanism == "AWS_MSK_IAM":
        from lambda_esm.connect.msk_iam import oauth_callback  # brings botocore

        return {"sasl.mechanism": "OAUTHBEARER", "oauth_cb": oauth_callback()}
    if settings.kafka_sasl_mechanism:
        return {
            "sasl.mechanism": settings.kafka_sasl_mechanism,
            "sasl.username": settings.kafka_sasl_username,
            "sasl.password": settings.kafka_sasl_password,
        }
    return {}


class _ErrorLog:
    """A log of the client's errors: each kind at most once in a while, with its count."""

    def __init__(self) -> None:
        self._quiet_until: dict[int, float] = {}
        self._repeats: Counter[int] = Counter()

    def log(self, error: KafkaError) -> None:
        """Log an error, or count it: librdkafka's ``error_cb``."""
        code = error.code()
        now = time.monotonic()
        if now < self._quiet_until.get(code, 0.0):
            self._repeats[code] += 1
            return
        self._quiet_until[code] = now + _QUIET_S
        more = {"repeated": self._repeats.pop(code)} if self._repeats[code] else {}
        log.warning("kafka client error", extra={"reason": error.str(), **more})
