"""The reader of replies: one partition of the reply topic, without a consumer group.

A consumer group would rebalance each time an execution environment comes or goes, and cost
seconds. So a requester joins no group: it picks one partition of the reply topic, is assigned its
end before the first request is sent, and names it in ``kafka_replyPartition``. Replies are matched
by correlation id; others on the same partition belong to another requester and are passed over.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from concurrent.futures import Future
from random import SystemRandom

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from shared.bus.producer import reader_config
from shared.config.settings import KafkaSettings
from shared.contract.envelope import CORRELATION_ID, NEST_ERROR
from shared.contract.errors import Unavailable
from shared.contract.messages import decode_refusal
from shared.contract.topics import TOPICS

log = logging.getLogger(__name__)

_BROKER_TIMEOUT_S = 5.0
_SLEPT_S = 5.0
_REMEMBERED = 10_000
_DRAIN = 500
# The kernel's numbers: copies of one snapshot draw different ones, no other sequence is changed.
_random = SystemRandom()
_UNKNOWN = (KafkaError._UNKNOWN_PARTITION, KafkaError.UNKNOWN_TOPIC_OR_PART)
_PARTITIONS = {topic.name: topic.partitions for topic in TOPICS}


class ReplyConsumer:
    """The reader of one partition of the reply topic.

    Attributes:
        late: the number of replies that came after their requester had given up.
    """

    def __init__(self, settings: KafkaSettings, topic: str) -> None:
        self._consumer = Consumer(reader_config(settings))
        self._topic = topic
        self._place: TopicPartition | None = None
        self._read_at = 0.0
        self._waiting: dict[bytes, Future[bytes]] = {}
        self._given_up: OrderedDict[bytes, None] = OrderedDict()
        self.late = 0

    def __len__(self) -> int:
        """Return the number of requests that wait for a reply."""
        return len(self._waiting)

    @property
    def partition(self) -> int | None:
        """The partition that is read; None before :meth:`seek_end`."""
        return self._place.partition if self._place else None

    def ensure_assigned(self) -> None:
        """Go to the end of the partition, unless the last read was less than 5 s ago.

        The wall clock is used, not the monotonic one: it also counts the time for which an
        execution environment was frozen or kept as a snapshot.

        Raises:
            Unavailable: no broker answers, or the reply topic is not there.
        """
        if time.time() - self._read_at > _SLEPT_S:
            self.seek_end()

    def seek_end(self) -> None:
        """Take the end of the partition as the position; pick the partition the first time.

        Raises:
            Unavailable: as above.
        """
        try:
            end = self._end(self._place.partition) if self._place else self._end_of_any()
            self._consumer.assign([end])
        except KafkaException as error:
            raise Unavailable(f"The reply topic cannot be read: {error.args[0].str()}") from None
        self._place = end
        self._read_at = time.time()

    def register(self, correlation_id: str) -> Future[bytes]:
        """Return a future for a request; it has the reply's value, or raises its refusal."""
        reply: Future[bytes] = Future()
        reply.set_running_or_notify_cancel()  # cancelled under the reader, it could not be settled
        self._waiting[correlation_id.encode()] = reply
        return reply

    def reject(self, correlation_id: bytes, error: Exception) -> None:
        """Fail a request to which no reply has come."""
        reply = self._waiting.pop(correlation_id, None)  # only the thread that takes it settles it
        if reply is not None:
            reply.set_exception(error)

    def discard(self, correlation_id: str) -> None:
        """Forget a request; a reply that still comes is counted as late."""
        key = correlation_id.encode()
        if self._waiting.pop(key, None) is not None:
            self._given_up[key] = None
            if len(self._given_up) > _REMEMBERED:
                self._given_up.popitem(last=False)

    def poll(self, timeout: float) -> None:
        """Read what is there, waiting up to ``timeout`` seconds for the first reply."""
        first = self._consumer.poll(timeout)
        self._read_at = time.time()
        if first is not None:
            self._take(first)
            for message in self._consumer.consume(_DRAIN, 0):
                self._take(message)

    def close(self) -> None:
        """Fail every request that waits, and leave the broker."""
        for correlation_id in list(self._waiting):
            self.reject(correlation_id, Unavailable("The gateway stops."))
        self._consumer.close()

    def _end_of_any(self) -> TopicPartition:
        """Return the end of a partition picked at random.

        The number of partitions is the one the topic is created with. The cluster is not asked:
        confluent-kafka answers that with its admin client, whose import would be a fiftieth of a
        cold start.
        """
        stated = _PARTITIONS[self._topic]
        for partition in _random.sample(range(stated), stated):
            try:
                return self._end(partition)
            except KafkaException as error:
                if error.args[0].code() not in _UNKNOWN:
                    raise
        raise Unavailable(f"The topic {self._topic} does not exist.")

    def _end(self, partition: int) -> TopicPartition:
        """Return the end of a partition as an explicit offset.

        The symbolic "end" would be looked up later, perhaps after the reply is there.
        """
        place = TopicPartition(self._topic, partition)
        _, place.offset = self._consumer.get_watermark_offsets(place, timeout=_BROKER_TIMEOUT_S)
        return place

    def _take(self, message: Message) -> None:
        if message.error():
            log.warning("reply reader error", extra={"reason": str(message.error())})
            return
        raw = dict(message.headers() or ())
        headers = {name: value for name, value in raw.items() if isinstance(value, bytes)}
        correlation_id = headers.get(CORRELATION_ID, b"")
        reply = self._waiting.pop(correlation_id, None)
        if reply is None:
            self._count_late(correlation_id)
        elif refusal := headers.get(NEST_ERROR):
            reply.set_exception(decode_refusal(refusal))
        else:
            reply.set_result(message.value() or b"null")

    def _count_late(self, correlation_id: bytes) -> None:
        if correlation_id in self._given_up:
            del self._given_up[correlation_id]
            self.late += 1
            shown = correlation_id.decode(errors="replace")
            log.info("late reply dropped", extra={"correlation_id": shown})
