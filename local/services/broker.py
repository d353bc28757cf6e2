"""A Kafka broker over TCP, without Java: librdkafka's mock cluster in a process of its own.

``python -m local.services.broker`` listens on a free port of 127.0.0.1 and says which in a line.
It speaks the real protocol to any client: producers (idempotent and transactional too), consumers
and consumer groups of both kinds. What it is not:

- Nothing is on disk: its end is the end of all records and committed offsets.
- Each partition keeps its newest 5 MB or 100,000 batches; older ones are dropped in silence.
- The port is chosen by the kernel: librdkafka can advertise another one, not listen on it.
- An empty fetch is answered only after the client's ``fetch.wait.max.ms``, even when a record
  arrives meanwhile. So clients set it low here (``KAFKA_FETCH_WAIT_MS=5``).
- No topic configuration, no security, and no admin API to make topics: they exist from the start,
  and an unknown one appears with 4 partitions when it is first asked for.

The functions are those of ``rdkafka_mock.h``, called through ctypes in the librdkafka that
confluent-kafka has loaded. That header promises no stable interface; the lock pins the version.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Mapping

from local.process import Command, module

NAME = "broker"

_PRODUCER = 0  # rd_kafka_type_t
_SESSION_TIMEOUT_MS = 6_000  # a killed worker's partitions go to the next one after this
_HEARTBEAT_MS = 1_000
# A call right after another may fall between the moment when the cluster's thread looks into its
# queue and the one when it empties its wake-up pipe; then it sleeps for a second over the call.
_PAUSE_S = 0.002


def command(env: Mapping[str, str] | None = None) -> Command:
    """Return the command of a broker; its ready line has ``address`` (``host:port``)."""
    return Command(
        name=NAME,
        argv=module("local.services.broker"),
        env={**os.environ, **(env or {})},
        ready=r"broker listens on (?P<address>\S+)$",
    )


class Broker:
    """A mock cluster of one broker, as long as this object is kept.

    Raises:
        RuntimeError: librdkafka refused; its reason is in the message.
    """

    def __init__(self) -> None:
        self._rdkafka = _library()
        reason = ctypes.create_string_buffer(512)
        settings = self._rdkafka.rd_kafka_conf_new()
        # The instance that carries the cluster connects nowhere; without this it warns of that.
        self._rdkafka.rd_kafka_conf_set(settings, b"log_level", b"3", reason, len(reason))
        handle = self._rdkafka.rd_kafka_new(_PRODUCER, settings, reason, len(reason))
        self._cluster = handle and self._rdkafka.rd_kafka_mock_cluster_new(handle, 1)
        if not self._cluster:
            raise RuntimeError(f"The broker cannot start: {reason.value.decode()}")
        self._quicken_groups()

    @property
    def address(self) -> str:
        """``host:port``."""
        found: bytes = self._rdkafka.rd_kafka_mock_cluster_bootstraps(self._cluster)
        return found.decode()

    def create_topic(self, name: str, partitions: int) -> None:
        """Make a topic.

        Raises:
            RuntimeError: it exists, or the number is out of range.
        """
        time.sleep(_PAUSE_S)
        error = self._rdkafka.rd_kafka_mock_topic_create(
            self._cluster, name.encode(), partitions, 1
        )
        if error:
            raise RuntimeError(f"The topic {name} cannot be made: error {error}")

    def _quicken_groups(self) -> None:
        """Let the first join wait for no further member, and notice the dead soon."""
        self._rdkafka.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 0)
        self._rdkafka.rd_kafka_mock_set_group_consumer_session_timeout_ms(
            self._cluster, _SESSION_TIMEOUT_MS
        )
        self._rdkafka.rd_kafka_mock_set_group_consumer_heartbeat_interval_ms(
            self._cluster, _HEARTBEAT_MS
        )


def _library() -> ctypes.CDLL:
    # The extension links to librdkafka, so its handle finds librdkafka's symbols as well, wherever
    # the wheel, or the distribution, has put that library.
    from confluent_kafka import cimpl

    library = ctypes.CDLL(cimpl.__file__)
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    for name, result, *arguments in (
        ("rd_kafka_conf_new", pointer),
        ("rd_kafka_conf_set", number, pointer, text, text, text, ctypes.c_size_t),
        ("rd_kafka_new", pointer, number, pointer, text, ctypes.c_size_t),
        ("rd_kafka_mock_cluster_new", pointer, pointer, number),
        ("rd_kafka_mock_cluster_bootstraps", text, pointer),
        ("rd_kafka_mock_topic_create", number, pointer, text, number, number),
        ("rd_kafka_mock_group_initial_rebalance_delay_ms", None, pointer, ctypes.c_int32),
        ("rd_kafka_mock_set_group_consumer_session_timeout_ms", None, pointer, number),
        ("rd_kafka_mock_set_group_consumer_heartbeat_interval_ms", None, pointer, number),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def main() -> None:
    """Run a broker with the topics of the system until a signal ends it."""
    from shared.contract.topics import TOPICS

    awaited = {signal.SIGTERM, signal.SIGINT}
    # Before librdkafka's threads exist, so that they inherit it and the signal is ours to await.
    signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    broker = Broker()
    for topic in TOPICS:
        broker.create_topic(topic.name, topic.partitions)
    print(f"broker listens on {broker.address}", flush=True)
    signal.sigwait(awaited)


if __name__ == "__main__":
    main()
