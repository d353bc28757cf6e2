"""The loop of one mapping: read, hand over, keep the group's membership, commit what is settled."""

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
from lambda_esm.model.event import KafkaRecord
from lambda_esm.model.mapping import Mapping
from lambda_esm.observe.observer import Observer
from lambda_esm.poll.starting_position import Start
from lambda_esm.poll.statistics import read_statistics

log = logging.getLogger(__name__)

_TICK_S: Final = 0.1
_READ_AT_ONCE: Final = 5000
_ROOM_S: Final = 0.05
# How long a rebalance may wait for a batch that is out; then its next owner gets it again. The
# group waits for max.poll.interval.ms, five minutes.
_LONGEST_PATIENCE_S: Final = 240.0
_GRACE_S: Final = 5.0
_ALIVE_S: Final = 60.0
# librdkafka's close may hang when a rebalance comes in between (its issue 4884, and 1016 of
# confluent-kafka-go). What was out has ended by then, and the group misses a member that is gone.
_LEAVE_S: Final = 15.0


class Poller:
    """Polls for one mapping, on a thread of its own.

    Args:
        mapping: what to read.
        batcher: takes the records.
        observer: told of what happens.
        filter_: says which records are for the function; None for all.
        stopping: set when the loop shall end.
        on_failure: told when the loop cannot go on.
        once: whether to end when everything there is has been settled.

    Attributes:
        joined: set while this is a member of its group.
        alive_at: monotonic time of the last turn of the loop.
    """

    def __init__(
        self,
        mapping: Mapping,
        batcher: Batcher,
        observer: Observer,
        filter_: Callable[[KafkaRecord], bool] | None,
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
        self._filter = filter_
        self._stopping = stopping
        self._on_failure = on_failure
        self._once = once
        self._thread: Thread | None = None
        self._leaving = Event()
        self._name = {"mapping": mapping.logical_id}
        self._start = Start(mapping)
        self._patience_s = min(mapping.function.timeout_s + _GRACE_S, _LONGEST_PATIENCE_S)
        self._nothing_assigned = False
        self._at_end: dict[int, bool] = {}
        self._settled: dict[int, int] = {}

    def start(self, consumers: Sequence[Callable[[], Consumer]], workers: Workers) -> None:
        """Join the group and begin.

        Args:
            consumers: each makes a consumer; a later one is used when the broker refuses the
                group protocol of the one before.
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
        """Wait until the loop has ended; for the group to be left, so many seconds at most."""
        if self._thread is None:
            return
        self._leaving.wait()
        self._thread.join(leave_s)
        if self._thread.is_alive():
            log.warning("the group was not left in time", extra=self._name)

    @property
    def alive(self) -> bool:
        """Whether the loop goes round, or waits for no longer than it may."""
        silent_s = time.monotonic() - self.alive_at
        return self.running and silent_s < self._patience_s + _ALIVE_S

    @property
    def running(self) -> bool:
        """Whether the loop has begun and not ended."""
        return self._thread is not None and self._thread.is_alive()

    def _run(self, consumers: Sequence[Callable[[], Consumer]], workers: Workers) -> None:
        *others, last = consumers
        try:
            for make in others:
                if self._poll_with(make(), workers, may_be_refused=True):
                    return
                log.info("the classic group protocol is used", extra=self._name)
            self._poll_with(last(), workers, may_be_refused=False)
        except BaseException as error:
            log.debug("polling broke off", exc_info=True)
            self._on_failure(error)
        finally:
            self._leaving.set()

    def _poll_with(self, consumer: Consumer, workers: Workers, *, may_be_refused: bool) -> bool:
        """Poll until the end; false when the broker does not let it join.

        That is one which knows KIP-848 and has it switched off (Apache Kafka 3.7 to 3.9); nothing
        but the text of the error would tell.
        """
        consumer.subscribe(
            [self.mapping.topic],
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_lost,
        )
        try:
            while not self._stopping.is_set() and not self._drained():
                self._turn(consumer, workers)
        except KafkaException:
            consumer.close()
            if self._at_end or not may_be_refused:
                raise
            return False
        self._leave(consumer, workers)
        return True

    def _turn(self, consumer: Consumer, workers: Workers) -> None:
        due = self._batcher.due_in()
        first = consumer.poll(min(_TICK_S, due) if due else _TICK_S)
        self.alive_at = time.monotonic()
        self._store(consumer, self._batcher.settled())
        if first is not None:
            self._sort([first, *consumer.consume(_READ_AT_ONCE, 0)])
        workers.wake()
        if not self._batcher.room(_ROOM_S):
            self._set_flow(consumer.pause, self._batcher.to_pause())
        self._set_flow(consumer.resume, self._batcher.to_resume())

    def _sort(self, messages: list[Message]) -> None:
        """Records to their partitions, errors to the log."""
        errors = [message for message in messages if message.error() is not None]
        if errors:
            messages = [message for message in messages if message.error() is None]
        for number, records in _by_partition(cast("list[KafkaRecord]", messages)).items():
            self._at_end[number] = False
            self._settled.setdefault(number, records[0].offset())
            wanted = self._start.begun(number, records)
            if self._filter is not None:
                wanted = list(filter(self._filter, wanted))
            self._batcher.add(number, wanted, records[-1].offset() + 1)
            self._observer.polled(len(records), len(records) - len(wanted))
        for message in errors:
            self._note(message, cast("KafkaError", message.error()))

    def _note(self, message: Message, error: KafkaError) -> None:
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's name
            self._at_end[cast("KafkaRecord", message).partition()] = True
        elif error.code() == KafkaError._FATAL:  # noqa: SLF001 - librdkafka's name
            raise KafkaException(error)
        else:
            self._observer.failed("polling", error.str())

    def _drained(self) -> bool:
        if not self._once or not (self._at_end or self._nothing_assigned):
            return False
        return all(self._at_end.values()) and self._batcher.idle()

    def _leave(self, consumer: Consumer, workers: Workers) -> None:
        """Let what is out end, commit it, and tell the group."""
        self._set_flow(consumer.pause, [p.partition for p in consumer.assignment()])
        closing = Thread(target=workers.close, name=f"close-{self.mapping.logical_id}")
        closing.start()
        while closing.is_alive():  # a long invocation must not cost the membership
            consumer.poll(0)
            self.alive_at = time.monotonic()
            closing.join(_TICK_S)
        self._store(consumer, self._batcher.settled())
        self.joined.clear()
        self._leaving.set()
        consumer.close()

    def _store(self, consumer: Consumer, offsets: dict[int, int]) -> None:
        """Hand settled offsets to librdkafka, which commits them.

        Only ever called on the poller's thread: a store waits for a poll that is under way.
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
        self._observer.committed(sum(o - self._settled[n] for n, o in offsets.items()))
        self._settled.update(offsets)

    def _set_flow(self, act: Callable[[list[TopicPartition]], None], numbers: list[int]) -> None:
        if numbers:
            act([TopicPartition(self.mapping.topic, number) for number in numbers])

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._batcher.assign(p.partition for p in partitions)
        self._at_end.update((p.partition, False) for p in partitions)
        consumer.incremental_assign(self._start.place(consumer, partitions))
        self.joined.set()
        self._log_partitions("partitions assigned", partitions)

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        numbers = [p.partition for p in partitions]
        self._log_partitions("partitions to be revoked", partitions)
        self._store(consumer, self._batcher.revoke(numbers, self._patience_s))
        self._forget(numbers)
        self._log_partitions("partitions revoked", partitions)

    def _on_lost(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        numbers = [p.partition for p in partitions]
        self._batcher.revoke(numbers, 0)
        self._forget(numbers)
        self._log_partitions("partitions lost", partitions)

    def _forget(self, numbers: list[int]) -> None:
        for number in numbers:
            self._at_end.pop(number, None)
            self._settled.pop(number, None)
            self._observer.lag(number, None)

    def _log_partitions(self, what: str, partitions: list[TopicPartition]) -> None:
        extra = {
            **self._name,
            "topic": self.mapping.topic,
            "partitions": ",".join(str(p.partition) for p in partitions) or "none",
        }
        log.info(what, extra=extra)

    def on_commit(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        """librdkafka's ``on_commit``."""
        for reason in (error, *(p.error for p in partitions)):
            if reason is not None:
                self._observer.failed("commit", reason.str())
                return

    def on_statistics(self, text: str) -> None:
        """librdkafka's ``stats_cb``: the state of the group, and the lag."""
        group = read_statistics(text, self.mapping.topic)
        # A member without partitions is one, too.
        (self.joined.set if group.is_member else self.joined.clear)()
        self._nothing_assigned = group.is_member and not group.assigned
        for number in group.lags.keys() & self._at_end.keys():
            self._observer.lag(number, group.lags[number])


def _by_partition(records: list[KafkaRecord]) -> dict[int, list[KafkaRecord]]:
    found: defaultdict[int, list[KafkaRecord]] = defaultdict(list)
    for record in records:
        found[record.partition()].append(record)
    return found
