"""The loop of one mapping: read, hand over, keep the group's membership, commit what is settled."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Final, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from local.esm.batching import Batcher
from local.esm.event import KafkaRecord
from local.esm.mappings import Mapping
from local.esm.start import place
from local.esm.workers import Workers

log = logging.getLogger(__name__)

_TICK_S: Final = 0.1
_READ_AT_ONCE: Final = 5000
_ROOM_S: Final = 0.05
# How long a rebalance may wait for a batch that is out; then its next owner gets it again.
_REVOKE_PATIENCE_S: Final = 30.0


class Poller:
    """Polls for one mapping, on a thread of its own.

    Args:
        mapping: what to read.
        batcher: takes the records.
        workers: deliver what the batcher gives.
        make_consumer: given a callback for librdkafka's statistics, makes the consumer.
        stopping: set when the loop shall end.
        on_failure: told when the loop cannot go on.
    """

    def __init__(
        self,
        mapping: Mapping,
        batcher: Batcher,
        make_consumer: Callable[[Callable[[str], None]], Consumer],
        stopping: Event,
        on_failure: Callable[[BaseException], None],
        once: bool = False,
    ) -> None:
        self.mapping = mapping
        self.joined = Event()
        self.alive_at = time.monotonic()
        self._batcher = batcher
        self._stopping = stopping
        self._on_failure = on_failure
        self._consumer = make_consumer(self._on_statistics)
        self._thread = Thread(name=f"poll-{mapping.logical_id}", daemon=True)
        self._once = once
        self._at_end: dict[int, bool] = {}

    def start(self, workers: Workers) -> None:
        """Join the group and begin."""
        self._thread = Thread(
            target=self._run, args=(workers,), name=f"poll-{self.mapping.logical_id}", daemon=True
        )
        self._thread.start()

    def join(self) -> None:
        """Wait until the loop has ended and the group is left."""
        self._thread.join()

    @property
    def running(self) -> bool:
        """Whether the loop goes round."""
        return self._thread.is_alive()

    def _run(self, workers: Workers) -> None:
        try:
            self._consumer.subscribe(
                [self.mapping.topic],
                on_assign=self._on_assign,
                on_revoke=self._on_revoke,
                on_lost=self._on_lost,
            )
            while not self._stopping.is_set() and not self._drained():
                self._round(workers)
            self._leave(workers)
        except BaseException as error:
            log.exception("polling broke off", extra={"mapping": self.mapping.logical_id})
            self._on_failure(error)

    def _round(self, workers: Workers) -> None:
        due = self._batcher.due_in()
        first = self._consumer.poll(min(_TICK_S, due) if due else _TICK_S)
        self._store(self._batcher.settled())
        self.alive_at = time.monotonic()
        if first is not None:
            self._sort([first, *self._consumer.consume(_READ_AT_ONCE, 0)])
        workers.wake()
        if not self._batcher.room(_ROOM_S):
            self._set_flow(self._consumer.pause, self._batcher.to_pause())
        self._set_flow(self._consumer.resume, self._batcher.to_resume())

    def _sort(self, messages: list[Message]) -> None:
        by_partition: dict[int, list[KafkaRecord]] = {}
        errors = []
        for message in messages:
            if message.error() is None:
                record = cast("KafkaRecord", message)
                by_partition.setdefault(record.partition(), []).append(record)
            else:
                errors.append(message)
        for number, records in by_partition.items():
            self._at_end[number] = False
            self._batcher.add(number, records, records[-1].offset() + 1)
        for message in errors:
            self._note(message, cast("KafkaError", message.error()))

    def _note(self, message: Message, error: KafkaError) -> None:
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's name
            self._at_end[cast("KafkaRecord", message).partition()] = True
        elif error.fatal():
            raise KafkaException(error)
        else:
            log.warning("poll failed", extra={"topic": self.mapping.topic, "reason": error.str()})

    def _drained(self) -> bool:
        if not self._once or not self._at_end:
            return False
        return all(self._at_end.values()) and self._batcher.idle()

    def _leave(self, workers: Workers) -> None:
        """Let what is out end, commit it, and tell the group."""
        self._set_flow(self._consumer.pause, [p.partition for p in self._consumer.assignment()])
        closing = Thread(target=workers.close, name="closing")
        closing.start()
        while closing.is_alive():  # a long invocation must not cost the membership
            self._consumer.poll(0)
            closing.join(_TICK_S)
        self._store(self._batcher.settled())
        self._consumer.close()

    def _store(self, offsets: dict[int, int]) -> None:
        """Hand settled offsets to librdkafka, which commits them.

        Only ever called on the poller's thread: a store waits for a poll that is under way.
        """
        topic = self.mapping.topic
        if offsets:
            positions = [TopicPartition(topic, n, offset) for n, offset in offsets.items()]
            self._consumer.store_offsets(offsets=positions)

    def _set_flow(self, act: Callable[[list[TopicPartition]], None], numbers: list[int]) -> None:
        if numbers:
            act([TopicPartition(self.mapping.topic, number) for number in numbers])

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._batcher.assign(p.partition for p in partitions)
        self._at_end.update((p.partition, False) for p in partitions)
        consumer.incremental_assign(place(consumer, self.mapping, partitions))
        self.joined.set()
        log.info(
            "partitions assigned",
            extra={
                "mapping": self.mapping.logical_id,
                "topic": self.mapping.topic,
                "partitions": ",".join(str(p.partition) for p in partitions),
            },
        )

    def _on_revoke(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        numbers = [p.partition for p in partitions]
        self._store(self._batcher.revoke(numbers, _REVOKE_PATIENCE_S))
        self._forget(numbers)

    def _on_lost(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        numbers = [p.partition for p in partitions]
        self._batcher.revoke(numbers, 0)
        self._forget(numbers)
        log.warning("partitions lost", extra={"mapping": self.mapping.logical_id})

    def _forget(self, numbers: list[int]) -> None:
        for number in numbers:
            self._at_end.pop(number, None)

    def _on_statistics(self, text: str) -> None:
        group = json.loads(text).get("cgrp") or {}
        if group.get("join_state") == "steady":  # a member without partitions is one, too
            self.joined.set()
        else:
            self.joined.clear()
