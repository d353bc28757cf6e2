"""A broker whose connections can be cut."""

from __future__ import annotations

import ctypes

from local.services.broker import Broker
from shared.contract.topics import TOPICS

_ID = 1


class CuttableBroker(Broker):
    """The embedded broker inside the test's process, with the system's topics."""

    def __init__(self) -> None:
        super().__init__()
        for topic in TOPICS:
            self.create_topic(topic.name, topic.partitions)
        for name in ("rd_kafka_mock_broker_set_down", "rd_kafka_mock_broker_set_up"):
            function = getattr(self._rdkafka, name)
            function.restype, function.argtypes = ctypes.c_int, (ctypes.c_void_p, ctypes.c_int32)

    def cut(self) -> None:
        """Close every connection, as a restart does; records stay."""
        self.go_down()
        self.come_up()

    def go_down(self) -> None:
        """Close every connection and take no new one."""
        assert self._rdkafka.rd_kafka_mock_broker_set_down(self._cluster, _ID) == 0

    def come_up(self) -> None:
        """Take connections again."""
        assert self._rdkafka.rd_kafka_mock_broker_set_up(self._cluster, _ID) == 0
