"""The loop of one mapping: poll, hand over, stay in the group, commit what is settled."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from threading import Event, Thread
from typing import Final, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from lambda_esm.batch.batcher import Batcher
from lambda_esm.deliver.workers import Workers
from lambda_esm.model.event import KafkaMessage
from lambda_esm.model.mapping import Mapping
from lambda_esm.observe.observer import Observer
from lambda_esm.poll.starting_offsets import StartingOffsets
from lambda_esm.poll.statistics import read_statistics

log = logging.getLogger(__name__)

_POLL_S: Final = 0.1
_MESSAGES_PER_POLL: Final = 5000
_WAIT_FOR_ROOM_S: Final = 0.05
# How long a rebalance may wait for a batch that is out; then its next owner gets it again. The
# group waits for max.poll.interval.ms, five minutes.
_LONGEST_REVOKE_S: Final = 240.0
_GRACE_S: Final = 5.0
# A loop that is silent for so much longer counts as stuck.
_STUCK_S: Final = 60.0
# librdkafka's close may hang when a rebalance comes in between (its issue 4884, and 1016 of
# confluent-kafka-go). What was out has ended by then; the group drops a member that is gone.
_LEAVE_S: Final = 15.0


class Poller:
    """Polls for one mapping, on a thread of its own.

    Args:
        mapping: what to read.
        batcher: takes the messages.
        observer: counts and logs.
        matches: says which messages are for the function; None for all.
        stopping: set when the loop must end.
        on_failure: called with the error when the loop cannot go on.
        once: whether to end when all partitions are read to their ends and settled.

    Attributes:
        joined: set while this is a member of its group.
        alive_at: monotonic time of the last turn of the loop.
    """

    def __init__(
        self,
        mapping: Mapping,
        batcher: Batcher,
        observer: Observer,
        matches: Callable[[KafkaMessage], bool] | None,
        stopping: Event,
        on_failure: Callable[[BaseException], None],
        *,
        once: bool,
    ) -> None:
        self.mapping = mapping
        self.joined = Event()
        self.alive_at = time.monotonic()
        self._batcher = batcher
        self._observer = observer
        self._matches = matches
        self._stopping = stopping
        self._on_failure = on_failure
        self._once = once
        self._thread: Thread | None = None
        self._delivered = Event()
        self._log_fields = {"mapping": mapping.logical_id}
        self._starting_offsets = StartingOffsets(mapping)
        self._revoke_timeout_s = min(mapping.function.timeout_s + _GRACE_S, _LONGEST_REVOKE_S)
        self._nothing_assigned = False
        self._at_eof: dict[int, bool] = {}
        self._stored: dict[int, int] = {}

    def start(self, consumers: Sequence[Callable[[], Consumer]], workers: Workers) -> None:
        """Join the group and begin.

        Args:
            consumers: factories, one for each group protocol to try; a later one is used when the
                broker refuses the protocol of the one before.
            workers: deliver what is read.
        """
        self._thread = Thread(
            target=self._run,
            args=(consumers, workers),
            name=f"poll-{self.mapping.logical_id}",
            daemon=True,
        )
        self._thread.start()

    def join(self, leave_s: float = _LEAVE_S) -> None:
        """Wait until all is delivered, then up to ``leave_s`` seconds until the group is left."""
        if self._thread is None:
            return
        self._delivered.wait()
        self._thread.join(leave_s)
        if self._thread.is_alive():
            log.warning("the group was not left in time", extra=self._log_fields)

    @property
    def alive(self) -> bool:
        """Whether the loop turns, or waits for no longer than it may."""
        silent_s = time.monotonic() - self.alive_at
        return self.running and silent_s < self._revoke_timeout_s + _STUCK_S

    @property
    def running(self) -> bool:
        """Whether the loop has begun and not ended."""
        return self._thread is not None and self._thread.is_alive()

    def _run(self, consumers: Sequence[Callable[[], Consumer]], workers: Workers) -> None:
        *others, last = consumers
        try:
            for new_consumer in others:
                if self._poll_with(new_consumer(), workers, may_be_refused=True):
                    return
                log.info("the classic group protocol is used", extra=self._log_fields)
            self._poll_with(last(), workers, may_be_refused=False)
        except BaseException as error:
            log.debug("polling broke off", exc_info=True)
            self._on_failure(error)
        finally:
            self._delivered.set()

    def _poll_with(self, consumer: Consumer, workers: Workers, *, may_be_refused: bool) -> bool:
        """Poll until the end; return false when the broker refuses the group protocol.

        A broker that knows KIP-848 and has it switched off does so (Apache Kafka 3.7 to 3.9). Only
        the error's text would tell, so any error before the first assignment counts.
        """
        consumer.subscribe(
            [self.mapping.topic],
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_lost,
        )
        try:
            while not self._stopping.is_set() and not self._is_drained():
                self._poll_once(consumer, workers)
        except KafkaException:
            consumer.close()
            if self._at_eof or not may_be_refused:
                raise
            return False
        self._leave(consumer, workers)
        return True

    def _poll_once(self, consumer: Consumer, workers: Workers) -> None:
        due_s = self._batcher.due_in_s()
        first = consumer.poll(min(_POLL_S, due_s) if due_s else _POLL_S)
        self.alive_at = time.monotonic()
        self._store(consumer, self._batcher.take_settled())
        if first is not None:
            self._take_over([first, *consumer.consume(_MESSAGES_PER_POLL, 0)])
        workers.wake()
        if not self._batcher.wait_for_room(_WAIT_FOR_ROOM_S):
            self._set_flow(consumer.pause, self._batcher.to_pause())
        self._set_flow(consumer.resume, self._batcher.to_resume())

    def _take_over(self, polled: list[Message]) -> None:
        """Hand records to the batcher, and errors to the observer."""
        errors = [message for message in polled if message.error() is not None]
        if errors:
            polled = [message for message in polled if message.error() is None]
        for number, messages in _by_partition(cast("list[KafkaMessage]", polled)).items():
            self._at_eof[number] = False
            self._stored.setdefault(number, messages[0].offset())
            wanted = self._starting_offsets.skip_earlier(number, messages)
            if self._matches is not None:
                wanted = list(filter(self._matches, wanted))
            self._batcher.add(number, wanted, messages[-1].offset() + 1)
            self._observer.polled(len(messages), len(messages) - len(wanted))
        for message in errors:
            self._handle_error(message, cast("KafkaError", message.error()))

    def _handle_error(self, message: Message, error: KafkaError) -> None:
        if error.code() == KafkaError._PARTITION_EOF:
            self._at_eof[cast("KafkaMessage", message).partition()] = True
        elif error.code() == KafkaError._FATAL:
            raise KafkaException(error)
        else:
            self._observer.failed("polling", error.str())

    def _is_drained(self) -> bool:
        if not self._once or not (self._at_eof or self._nothing_assigned):
            return False
        return all(self._at_eof.values()) and self._batcher.is_idle()

    def _leave(self, consumer: Consumer, workers: Workers) -> None:
        """Let what is out end, commit it, and leave the group."""
        self._set_flow(consumer.pause, [p.partition for p in consumer.assignment()])
        closing = Thread(target=workers.close, name=f"close-{self.mapping.logical_id}")
        closing.start()
        while closing.is_alive():  # a long invocation must not cost the membership
            consumer.poll(0)
            self.alive_at = time.monotonic()
            closing.join(_POLL_S)
        self._store(consumer, self._batcher.take_settled())
        self.joined.clear()
        self._delivered.set()
        consumer.close()

    def _store(self, consumer: Consumer, offsets: dict[int, int]) -> None:
        """Hand settled offsets to librdkafka, which commits them.

        It must be called on the poller's thread: a store waits for a poll that is under way.
        """
        topic = self.mapping.topic
        if not offsets:
            return
        try:
            positions = [TopicPartition(topic, n, offset) for n, offset in offsets.items()]
            consumer.store_offsets(offsets=positions)
        except KafkaException as error:  # the group has just taken a partition away
            self._observer.failed("commit", error.args[0].str())
            return
        self._observer.committed(sum(o - self._stored[n] for n, o in offsets.items()))
        self._stored.update(offsets)

    def _set_flow(
        self, pause_or_resume: Callable[[list[TopicPartition]], None], numbers: list[int]
    ) -> None:
        if numbers:
            pause_or_resume([TopicPartition(self.mapping.topic, number) for number in numbers])

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._batcher.assign(p.partition for p in partitions)
        self._at_eof.update((p.partition, False) for p in partitions)
        consumer.incremental_assign(self._starting_offsets.find(consumer, partitions))
        self.joined.set()
        self._log_partitions("partitions assigned", partitions)

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        numbers = [p.partition for p in partitions]
        self._log_partitions("partitions to be revoked", partitions)
        self._store(consumer, self._batcher.revoke(numbers, self._revoke_timeout_s))
        self._forget(numbers)
        self._log_partitions("partitions revoked", partitions)

    def _on_lost(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        numbers = [p.partition for p in partitions]
        self._batcher.revoke(numbers, 0)
        self._forget(numbers)
        self._log_partitions("partitions lost", partitions)

    def _forget(self, numbers: list[int]) -> None:
        for number in numbers:
            self._at_eof.pop(number, None)
            self._stored.pop(number, None)
            self._observer.set_lag(number, None)

    def _log_partitions(self, what: str, partitions: list[TopicPartition]) -> None:
        extra = {
            **self._log_fields,
            "topic": self.mapping.topic,
            "partitions": ",".join(str(p.partition) for p in partitions) or "none",
        }
        log.info(what, extra=extra)

    def on_commit(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        """Report a commit that failed: librdkafka's ``on_commit``."""
        for reason in (error, *(p.error for p in partitions)):
            if reason is not None:
                self._observer.failed("commit", reason.str())
                return

    def on_statistics(self, text: str) -> None:
        """Take over the group's state and the lags: librdkafka's ``stats_cb``."""
        group = read_statistics(text, self.mapping.topic)
        # A member without partitions is one, too.
        (self.joined.set if group.is_member else self.joined.clear)()
        self._nothing_assigned = group.is_member and not group.assigned
        for number in group.lags.keys() & self._at_eof.keys():
            self._observer.set_lag(number, group.lags[number])


def _by_partition(messages: list[KafkaMessage]) -> dict[int, list[KafkaMessage]]:
    found: defaultdict[int, list[KafkaMessage]] = defaultdict(list)
    for message in messages:
        found[message.partition()].append(message)
    return found
