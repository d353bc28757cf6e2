"""The check before the first poll: do the brokers answer, and which group protocol have they?"""

from __future__ import annotations

import logging
import time
from typing import Any, Final, NamedTuple

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from lambda_esm.errors import BrokerUnreachable, EsmError
from lambda_esm.model.mapping import GroupProtocol

# How librdkafka's feature log names the request of KIP-848 among those a broker supports.
_KIP_848: Final = "ApiKey ConsumerGroupHeartbeat"

_ATTEMPT_S: Final = 2.0
# Errors that another attempt would not change.
_REFUSALS: Final = (KafkaError._AUTHENTICATION, KafkaError._SSL)


class Cluster(NamedTuple):
    """What the brokers say of their cluster.

    Attributes:
        protocol: the newest group protocol that they know; it may be switched off.
        topics: the names of all topics.
    """

    protocol: GroupProtocol
    topics: frozenset[str]


def probe(connection: dict[str, Any], timeout_s: float) -> Cluster:
    """Ask the brokers for their metadata and their API versions.

    librdkafka has no call for what a broker supports, and a consumer of the new protocol waits in
    silence for a broker that lacks it. So the answer is read from the client's log.

    Raises:
        BrokerUnreachable: no broker answers in time, or it refuses the credentials.
        EsmError: a property of the client is wrong.
    """
    client_log = _ClientLog()
    logger = logging.getLogger(f"{__name__}.client")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.addHandler(client_log)
    logging_config: dict[str, Any] = {
        "debug": "feature",
        "logger": logger,
        "error_cb": client_log.note_error,
    }
    try:
        admin = AdminClient({**connection, **logging_config})
    except KafkaException as error:
        raise EsmError(
            f"The Kafka client cannot be configured so: {error.args[0].str()}."
        ) from None
    try:
        topics = _topics(admin, client_log, timeout_s)
    except KafkaException as error:
        servers, reason = connection["bootstrap.servers"], client_log.reason or error.args[0].str()
        what = "Kafka refuses us" if client_log.refused else "No Kafka broker answers"
        raise BrokerUnreachable(f"{what} at {servers}: {reason}.") from None
    finally:
        admin.poll(0)  # hands out what was logged
        logger.removeHandler(client_log)
    return Cluster("consumer" if client_log.kip_848 else "classic", topics)


def _topics(admin: AdminClient, client_log: _ClientLog, timeout_s: float) -> frozenset[str]:
    """Return the names of all topics.

    It asks in short attempts, because the client reports its errors only in between.

    Raises:
        KafkaException: no broker answers in time, or the credentials are refused.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return frozenset(admin.list_topics(timeout=_ATTEMPT_S).topics)
        except KafkaException:
            admin.poll(0)
            if client_log.refused or time.monotonic() > deadline:
                raise


class _ClientLog(logging.Handler):
    """What the client's log and its errors say of the brokers."""

    def __init__(self) -> None:
        super().__init__()
        self.kip_848 = False
        self.reason = ""
        self.refused = False

    def emit(self, record: logging.LogRecord) -> None:
        """Take over one line."""
        self.kip_848 = self.kip_848 or _KIP_848 in record.getMessage()

    def note_error(self, error: Any) -> None:
        """Take over an error (``error_cb``); the first one is the cause of the others."""
        self.reason = self.reason or error.str()
        self.refused = self.refused or error.code() in _REFUSALS
