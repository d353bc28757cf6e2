"""Before the first poll: do the brokers answer, and which group protocol do they speak?"""

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

_TURN_S: Final = 2.0
# Asking again would change nothing.
_REFUSALS: Final = (KafkaError._AUTHENTICATION, KafkaError._SSL)  # noqa: SLF001 - librdkafka's local errors have such names


class Cluster(NamedTuple):
    """What the brokers tell.

    Attributes:
        protocol: the best one for groups that they know; it may be switched off.
        topics: the names of those there are.
    """

    protocol: GroupProtocol
    topics: frozenset[str]


def probe(connection: dict[str, Any], timeout_s: float) -> Cluster:
    """Ask the brokers for their metadata and their API versions.

    librdkafka has no call that tells what a broker supports, and a consumer of the new protocol
    waits in silence on one that lacks it; so the answer is read from the client's log.

    Raises:
        BrokerUnreachable: nobody answers in time, or refuses the credentials.
    """
    heard = _Heard()
    logger = logging.getLogger(f"{__name__}.client")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.addHandler(heard)
    listening: dict[str, Any] = {"debug": "feature", "logger": logger, "error_cb": heard.error}
    try:
        admin = AdminClient({**connection, **listening})
    except KafkaException as error:
        raise EsmError(
            f"The Kafka client cannot be configured so: {error.args[0].str()}."
        ) from None
    try:
        topics = _topics(admin, heard, timeout_s)
    except KafkaException as error:
        servers, reason = connection["bootstrap.servers"], heard.reason or error.args[0].str()
        who = "Kafka refuses us" if heard.refused else "No Kafka broker answers"
        raise BrokerUnreachable(f"{who} at {servers}: {reason}.") from None
    finally:
        admin.poll(0)  # hands out what was logged
        logger.removeHandler(heard)
    return Cluster("consumer" if heard.kip_848 else "classic", topics)


def _topics(admin: AdminClient, heard: _Heard, timeout_s: float) -> frozenset[str]:
    """Ask in short turns: the client tells why it fails only in between.

    Raises:
        KafkaException: nobody answers in time, or the credentials are refused.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return frozenset(admin.list_topics(timeout=_TURN_S).topics)
        except KafkaException:
            admin.poll(0)
            if heard.refused or time.monotonic() > deadline:
                raise


class _Heard(logging.Handler):
    """Listens to the client's log."""

    def __init__(self) -> None:
        super().__init__()
        self.kip_848 = False
        self.reason = ""
        self.refused = False

    def emit(self, record: logging.LogRecord) -> None:
        """One line."""
        self.kip_848 = self.kip_848 or _KIP_848 in record.getMessage()

    def error(self, error: Any) -> None:
        """librdkafka's ``error_cb``: the first error is the cause of those after it."""
        self.reason = self.reason or error.str()
        self.refused = self.refused or error.code() in _REFUSALS
