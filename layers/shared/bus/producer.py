"""The Kafka client: one configuration for every role, and the producer.

Settings follow librdkafka's CONFIGURATION.md. What suits Lambda: nothing lingers, a connection is
kept alive below a NAT gateway's 350 s, and a record is given up before its request's deadline.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from concurrent.futures import Future
from threading import Event, Thread
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from shared.config.settings import KafkaSettings
from shared.contract.envelope import Headers
from shared.contract.errors import ServiceError, Unavailable

log = logging.getLogger(__name__)

_QUIET_S = 10.0

# No later attempt could succeed: the fault is in the record or its address, not in the cluster.
_PERMANENT = frozenset(
    {
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.TOPIC_EXCEPTION,
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError._INVALID_ARG,
    }
)


class Undeliverable(ServiceError):
    """The record can never be written: no such topic or partition, not allowed, or too large."""

    code = "undeliverable"
    status = 500


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
        "log_level": 2,  # its lines repeat what error_cb gets, at each new attempt
        "error_cb": _ErrorLog(),
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


def reader_config(settings: KafkaSettings) -> dict[str, Any]:
    """Return the configuration of a consumer that joins no group."""
    return {
        **client_config(settings),
        "group.id": "reader",  # librdkafka asks for one even where none is joined
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "latest",
        "fetch.wait.max.ms": settings.kafka_fetch_wait_ms,
        "fetch.error.backoff.ms": 50,
    }


class Publisher:
    """The producer: idempotent, acknowledged by all in-sync replicas, nothing lingers.

    Delivery reports are handed out by :meth:`poll`. Either the waiting caller calls it, or a
    thread that :meth:`start` runs.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._producer = Producer(
            {
                **client_config(settings),
                "acks": "all",
                "enable.idempotence": True,
                "linger.ms": 0,
                "message.timeout.ms": settings.kafka_delivery_timeout_ms,
                # A reply topic that does not exist holds up its partition for so long (30 s).
                "topic.metadata.propagation.max.ms": 5_000,
            }
        )
        self._stopped = Event()
        self._thread: Thread | None = None

    def publish(
        self,
        topic: str,
        *,
        value: bytes | None,
        key: str | None,
        headers: Headers,
        partition: int = -1,
    ) -> Future[None]:
        """Write one record.

        Returns:
            A future that is done when the record is safe in Kafka. It raises
            :class:`Unavailable` for a record that was given up, and :class:`Undeliverable` for one
            that can never be written.
        """
        delivered: Future[None] = Future()
        delivered.set_running_or_notify_cancel()  # a report comes even when no caller waits for it
        try:
            self._producer.produce(
                topic,
                value,
                key,
                partition,
                on_delivery=lambda error, _: _settle(delivered, error),
                headers=headers,
            )
        except BufferError:
            delivered.set_exception(Unavailable("The outgoing queue is full."))
        except KafkaException as error:
            _settle(delivered, error.args[0])
        return delivered

    def poll(self, timeout: float) -> None:
        """Hand out delivery reports, waiting up to ``timeout`` seconds for the first."""
        self._producer.poll(timeout)

    def start(self) -> None:
        """Run a thread that hands out delivery reports as they come."""
        if self._thread is None:
            self._thread = Thread(target=self._run, name="publisher", daemon=True)
            self._thread.start()

    def close(self, timeout: float = 5.0) -> None:
        """Wait up to ``timeout`` seconds for unsent records, then stop."""
        self._producer.flush(timeout)
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._producer.poll(0.2)


def _settle(delivered: Future[None], error: KafkaError | None) -> None:
    if error is None:
        delivered.set_result(None)
    elif error.code() in _PERMANENT:
        delivered.set_exception(Undeliverable(error.str()))
    else:
        delivered.set_exception(Unavailable(f"Kafka did not take the record: {error.str()}"))


def _sasl(settings: KafkaSettings) -> dict[str, Any]:
    if settings.kafka_sasl_mechanism == "AWS_MSK_IAM":
        from shared.bus.msk_iam import oauth_callback  # the signer is only there where it is needed

        return {"sasl.mechanism": "OAUTHBEARER", "oauth_cb": oauth_callback()}
    if settings.kafka_sasl_mechanism:
        return {
            "sasl.mechanism": settings.kafka_sasl_mechanism,
            "sasl.username": settings.kafka_sasl_username,
            "sasl.password": settings.kafka_sasl_password,
        }
    return {}


class _ErrorLog:
    """librdkafka's ``error_cb``: logs each kind of error at most every 10 s, with its count."""

    def __init__(self) -> None:
        self._quiet_until: dict[int, float] = {}
        self._unsaid: Counter[int] = Counter()

    def __call__(self, error: KafkaError) -> None:
        code = error.code()
        now = time.monotonic()
        if now < self._quiet_until.get(code, 0.0):
            self._unsaid[code] += 1
            return
        self._quiet_until[code] = now + _QUIET_S
        more = {"repeated": self._unsaid.pop(code)} if self._unsaid[code] else {}
        log.warning("kafka client error", extra={"reason": error.str(), **more})
