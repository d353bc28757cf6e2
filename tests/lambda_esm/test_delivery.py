"""The delivery by itself: whatever a function answers, each record is settled once, in the end."""

from __future__ import annotations

from threading import BoundedSemaphore, Event
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambda_esm.batch.partition import Batch, Partition
from lambda_esm.deliver.delivery import Delivery, Stopped
from lambda_esm.destinations.on_failure import DestinationError, DiscardedRecords
from lambda_esm.model.backoff import BackoffPolicy
from lambda_esm.model.event import Records
from lambda_esm.model.mapping import Mapping
from lambda_esm.model.outcome import Outcome, Result
from lambda_esm.observe.metrics import Metrics
from lambda_esm.observe.observer import Observer
from tests.lambda_esm.messages import FakeMessage
from tests.lambda_esm.test_batcher import a_mapping

Place = tuple[int, int]
LIMIT = 6_291_456


def places(records: Records) -> set[Place]:
    return {
        (number, record.offset) for number, partition in records.items() for record in partition
    }


def a_batch(counts: dict[int, int]) -> Batch:
    batch = Batch()
    for number, count in counts.items():
        batch.messages[number] = [
            FakeMessage(b"x", partition=number, offset=offset) for offset in range(count)
        ]
        batch.partitions[number] = Partition(number)
        batch.end_offsets[number] = count
    return batch


class Function:
    """Answers by a plan, then always well; remembers what it has been sent."""

    def __init__(self, plan: list[tuple[Result, int]], batch: Batch) -> None:
        self.plan, self.batch = plan, batch
        self.done: set[Place] = set()
        self.sent: list[set[Place]] = []

    def invoke(self, mapping: Mapping, records: Records) -> Outcome:
        here = places(records)
        assert not here & self.done, "a record that was done has been sent again"
        self.check_settled()
        self.sent.append(here)
        kind, choice = self.plan.pop(0) if self.plan else ("success", 0)
        if kind == "partial":
            failed = sorted(here)[:: choice + 1]
            self.done |= here - set(failed)
            items = [
                {"itemIdentifier": {"partition": f"topic-{p}", "offset": o}} for p, o in failed
            ]
            return Outcome(result="success", request_id="r", response={"batchItemFailures": items})
        if kind == "malformed":
            return Outcome(result="success", request_id="r", response="nonsense")
        if kind == "success":
            self.done |= here
        return Outcome(result=kind, request_id="r", reason="as planned")

    def check_settled(self) -> None:
        for number, partition in self.batch.partitions.items():
            for offset in range(partition.settled or 0):
                assert (number, offset) in self.done

    def close(self) -> None:
        """Nothing is open."""


class Failures:
    """A destination that fails a given number of times."""

    def __init__(self, function: Function, failing: int = 0) -> None:
        self.function, self.failing = function, failing
        self.taken: list[DiscardedRecords] = []

    def send(self, discarded: DiscardedRecords) -> None:
        if self.failing:
            self.failing -= 1
            raise DestinationError("away")
        self.taken.append(discarded)
        assert not places(discarded.records) & self.function.done
        self.function.done |= places(discarded.records)

    def close(self) -> None:
        """Nothing is open."""


def a_delivery(
    function: Function, destination: Failures, stopping: Event | None = None, **properties: Any
) -> Delivery:
    mapping = a_mapping(**properties)
    slots = BoundedSemaphore(1)
    slots.acquire()  # the thread that delivers holds one
    return Delivery(
        mapping,
        function,
        destination,
        slots,
        stopping or Event(),
        Observer(mapping, Metrics()),
        BackoffPolicy(0.0001, 0.0001),
        LIMIT,
    )


kinds: st.SearchStrategy[Result] = st.sampled_from(
    ["success", "partial", "malformed", "error", "timeout", "throttled", "unreachable"]
)


@given(
    counts=st.dictionaries(st.integers(0, 3), st.integers(1, 12), min_size=1),
    plan=st.lists(st.tuples(kinds, st.integers(0, 3)), max_size=25),
    bisect=st.booleans(),
    retries=st.integers(0, 4),
    failing=st.integers(0, 2),
)
@settings(max_examples=300, deadline=None)
def test_each_record_is_settled_exactly_once_whatever_happens(
    counts: dict[int, int],
    plan: list[tuple[Result, int]],
    bisect: bool,
    retries: int,
    failing: int,
) -> None:
    batch = a_batch(counts)
    function = Function(plan, batch)
    delivery = a_delivery(
        function,
        Failures(function, failing),
        report_batch_item_failures=True,
        bisect_batch_on_error=bisect,
        maximum_retry_attempts=retries,
    )

    delivery.deliver(batch)

    everything = {(n, offset) for n, count in counts.items() for offset in range(count)}
    assert function.done == everything
    assert {n: p.settled for n, p in batch.partitions.items()} == counts


@given(count=st.integers(1, 200), poison=st.integers(0, 199))
@settings(max_examples=100, deadline=None)
def test_bisect_needs_at_most_2_log2_n_plus_1_invocations(count: int, poison: int) -> None:
    batch = a_batch({0: count})
    function = Function([], batch)
    bad = (0, poison % count)
    answer = function.invoke

    def invoke(mapping: Mapping, records: Records) -> Outcome:
        function.plan = [("error", 0)] if bad in places(records) else []
        return answer(mapping, records)

    function.invoke = invoke  # type: ignore[method-assign] # it depends on what is sent
    taken = Failures(function)

    a_delivery(function, taken, bisect_batch_on_error=True, maximum_retry_attempts=0).deliver(batch)

    assert [places(discarded.records) for discarded in taken.taken] == [{bad}]
    assert len(function.sent) <= 2 * (count - 1).bit_length() + 1


def test_a_stop_breaks_off_between_two_attempts_and_settles_nothing_too_much() -> None:
    batch = a_batch({0: 4})
    stopping = Event()
    function = Function([("partial", 1)], batch)  # the first and the third fail
    answer = function.invoke

    def invoke(mapping: Mapping, records: Records) -> Outcome:
        stopping.set()
        return answer(mapping, records)

    function.invoke = invoke  # type: ignore[method-assign] # it stops while it is out

    with pytest.raises(Stopped):
        a_delivery(function, Failures(function), stopping, report_batch_item_failures=True).deliver(
            batch
        )

    assert function.done == {(0, 1), (0, 3)}
    assert batch.partitions[0].settled is None


def test_a_partition_that_has_to_leave_is_not_sent_again_nor_settled() -> None:
    batch = a_batch({0: 2, 1: 2})
    function = Function([("error", 0)], batch)
    answer = function.invoke

    def invoke(mapping: Mapping, records: Records) -> Outcome:
        batch.partitions[0].owned = False
        return answer(mapping, records)

    function.invoke = invoke  # type: ignore[method-assign] # the rebalance comes while it is out

    a_delivery(function, Failures(function)).deliver(batch)

    assert function.sent == [{(0, 0), (0, 1), (1, 0), (1, 1)}, {(1, 0), (1, 1)}]
    assert {n: p.settled for n, p in batch.partitions.items()} == {0: None, 1: 2}


def test_what_ended_well_while_its_partition_had_to_leave_is_settled() -> None:
    batch = a_batch({0: 2})
    function = Function([], batch)
    answer = function.invoke

    def invoke(mapping: Mapping, records: Records) -> Outcome:
        batch.partitions[0].owned = False
        return answer(mapping, records)

    function.invoke = invoke  # type: ignore[method-assign] # the rebalance comes while it is out

    a_delivery(function, Failures(function)).deliver(batch)

    assert batch.partitions[0].settled == 2


def test_a_record_whose_headers_only_seem_too_large_is_sent() -> None:
    """The bound counts five characters a byte; these take three and a comma."""
    batch = a_batch({0: 1})
    batch.messages[0] = [FakeMessage(b"x", headers=[("h", b"d" * 1_300_000)])]
    function = Function([], batch)
    taken = Failures(function)

    a_delivery(function, taken).deliver(batch)

    assert function.sent == [{(0, 0)}]
    assert taken.taken == []
