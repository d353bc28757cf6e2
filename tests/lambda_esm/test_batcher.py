"""The batcher by itself: whatever order records come in, batches keep the rules."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from lambda_esm.batch.batcher import Batcher
from lambda_esm.batch.partition import Batch
from lambda_esm.model.event import KafkaMessage
from lambda_esm.model.function import Function
from lambda_esm.model.mapping import Mapping, ProvisionedPollers
from tests.lambda_esm.messages import FakeMessage

LIMIT = 6_291_456


def a_mapping(**properties: Any) -> Mapping:
    return Mapping(
        logical_id="M",
        uuid="u",
        function=Function(logical_id="F", name="F"),
        topic="topic",
        bootstrap_servers=("a:1",),
        group_id="g",
        **properties,
    )


def records(partition: int, first: int, count: int) -> list[KafkaMessage]:
    return [
        FakeMessage(b"x" * 10, partition=partition, offset=offset)
        for offset in range(first, first + count)
    ]


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def a_batcher(clock: Clock, partitions: int = 4, **properties: Any) -> Batcher:
    batcher = Batcher(a_mapping(**properties), LIMIT, clock)
    batcher.assign(range(partitions))
    return batcher


def cut(batcher: Batcher) -> Batch:
    batch = batcher.cut()
    assert batch is not None
    return batch


def offsets(batch: Batch) -> dict[int, list[int]]:
    return {n: [record.offset() for record in found] for n, found in batch.messages.items()}


def test_nothing_goes_before_the_window_has_passed_since_the_first_record() -> None:
    clock = Clock()
    batcher = a_batcher(clock, batching_window_s=2.0)
    batcher.add(0, records(0, 0, 1), 1)
    clock.now += 1.5
    batcher.add(1, records(1, 0, 1), 1)

    assert batcher.cut() is None
    assert batcher.due_in_s() == pytest.approx(0.5)
    clock.now += 0.5
    assert batcher.due_in_s() == 0
    assert offsets(cut(batcher)) == {0: [0], 1: [0]}


def test_records_left_over_wait_for_a_window_of_their_own() -> None:
    clock = Clock()
    batcher = a_batcher(clock, batching_window_s=2.0, batch_size=3)
    batcher.add(0, records(0, 0, 5), 5)
    batch = cut(batcher)
    batcher.settle(batch, whole=True)

    assert batcher.cut() is None
    clock.now += 2
    assert offsets(cut(batcher)) == {0: [3, 4]}


def test_a_busy_partition_gives_nothing_and_others_do() -> None:
    batcher = a_batcher(Clock(), batching_window_s=0.0)
    batcher.add(0, records(0, 0, 1), 1)
    first = cut(batcher)
    batcher.add(0, records(0, 1, 1), 2)
    batcher.add(1, records(1, 0, 1), 1)

    assert offsets(cut(batcher)) == {1: [0]}
    assert batcher.cut() is None
    batcher.settle(first, whole=True)
    assert offsets(cut(batcher)) == {0: [1]}


def test_batches_are_wide_while_little_waits_and_narrow_under_load() -> None:
    clock = Clock()
    batcher = a_batcher(clock, batching_window_s=0.0, batch_size=10)
    for number in range(4):
        batcher.add(number, records(number, 0, 2), 2)
    wide = cut(batcher)
    assert len(wide.messages) == 4
    batcher.settle(wide, whole=True)

    for number in range(4):
        batcher.add(number, records(number, 2, 100), 102)
    assert [len(cut(batcher).messages) for _ in range(4)] == [1, 1, 1, 1]


def test_who_waited_for_another_partition_does_not_wait_again() -> None:
    clock = Clock()
    batcher = a_batcher(clock, batching_window_s=0.0, pollers=ProvisionedPollers(1, 4))
    for round_ in range(3):
        for number in range(4):
            batcher.add(number, records(number, round_, 1), round_ + 1)
        batches = [batch for batch in (batcher.cut() for _ in range(4)) if batch]
        for number in range(4):
            batcher.add(number, records(number, 10 + round_, 1), 11 + round_)
        for batch in batches:
            batcher.settle(batch, whole=True)

    assert len(batches) == 4


def test_after_a_calm_batches_are_wide_again() -> None:
    clock = Clock()
    batcher = a_batcher(clock, batching_window_s=0.0, batch_size=10)
    for number in range(4):
        batcher.add(number, records(number, 0, 100), 100)
    while batch := batcher.cut():
        batcher.settle(batch, whole=True)

    clock.now += 11
    for number in range(4):
        batcher.add(number, records(number, 100, 1), 101)
    assert len(cut(batcher).messages) == 4


def test_a_partition_that_holds_enough_is_paused_and_resumed_when_half_is_gone() -> None:
    batcher = a_batcher(Clock(), batching_window_s=0.0, batch_size=100)
    batcher.add(0, records(0, 0, 1000), 1000)
    batcher.add(1, records(1, 0, 10), 10)

    assert not batcher.wait_for_room(0)
    assert batcher.to_pause() == [0]
    assert batcher.to_pause() == [], "once is enough"
    assert batcher.wait_for_room(0), "a paused partition does not count"
    taken = 0
    while taken < 500:
        assert batcher.to_resume() == []
        batch = cut(batcher)
        taken += len(batch.messages.get(0, ()))
        batcher.settle(batch, whole=True)
    assert batcher.to_resume() == [0]


def test_a_partition_that_leaves_gives_nothing_more() -> None:
    batcher = a_batcher(Clock(), batching_window_s=0.0, batch_size=1)
    batcher.add(0, records(0, 0, 3), 3)
    out = cut(batcher)

    assert batcher.revoke([0], timeout_s=0) == {}
    batcher.settle(out, whole=True)

    assert not out.owned
    assert batcher.cut() is None
    assert batcher.take_settled() == {}


class Batches(RuleBasedStateMachine):
    """Records come, batches go and are settled, partitions come and leave, in any order."""

    @initialize(size=st.integers(1, 20), most=st.none() | st.integers(1, 6))
    def begin(self, size: int, most: int | None) -> None:
        self.clock = Clock()
        pollers = None if most is None else ProvisionedPollers(1, most)
        self.batcher = a_batcher(
            self.clock, 5, batch_size=size, batching_window_s=0.5, pollers=pollers
        )
        self.size = size
        self.written = dict.fromkeys(range(5), 0)
        self.cut_up_to = dict.fromkeys(range(5), 0)
        self.committed = dict.fromkeys(range(5), 0)
        self.out: list[Batch] = []

    @rule(number=st.integers(0, 4), count=st.integers(0, 30), filtered=st.booleans())
    def add(self, number: int, count: int, filtered: bool) -> None:
        first = self.written[number]
        new = [] if filtered else records(number, first, count)
        if count:
            self.written[number] = first + count
            self.batcher.add(number, new, first + count)
            if filtered and self.cut_up_to[number] == first:
                self.cut_up_to[number] = first + count

    @rule(seconds=st.floats(0, 20))
    def pass_time(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule()
    def take(self) -> None:
        batch = self.batcher.cut()
        if batch is None:
            return
        busy = {number for other in self.out for number in other.messages}
        assert not busy & batch.messages.keys()
        assert sum(map(len, batch.messages.values())) <= self.size
        for number, found in offsets(batch).items():
            assert found == sorted(found)
            assert found[0] >= self.cut_up_to[number]
            self.cut_up_to[number] = found[-1] + 1
        self.out.append(batch)

    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        if self.out:
            batch = self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))
            for number, partition in batch.partitions.items():
                partition.settled = batch.end_offsets[number]
            self.batcher.settle(batch, whole=True)

    @rule()
    def commit(self) -> None:
        for number, offset in self.batcher.take_settled().items():
            assert offset >= self.committed[number]
            self.committed[number] = offset

    @invariant()
    def nothing_is_committed_that_is_out(self) -> None:
        for batch in getattr(self, "out", []):
            for number, found in offsets(batch).items():
                assert self.committed[number] <= found[0]

    def teardown(self) -> None:
        """In the end everything is cut, and all of it is committed."""
        if not hasattr(self, "batcher"):
            return
        self.clock.now += 1000
        while True:
            self.take()
            if not self.out:
                break
            for batch in self.out:
                for number, partition in batch.partitions.items():
                    partition.settled = batch.end_offsets[number]
                self.batcher.settle(batch, whole=True)
            self.out.clear()
            self.clock.now += 1000
        self.commit()
        assert self.committed == self.written
        assert self.batcher.is_idle()


TestBatches = Batches.TestCase
TestBatches.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
