"""A batch: one key in order, different keys side by side, failures listed as AWS wants them."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

import pytest

from shared.contract.errors import BadMessage
from shared.runtime.batch import run_batch
from shared.runtime.records import Record


@pytest.fixture
def pool() -> Iterator[Executor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


def raw(offset: int, key: str | None, *, partition: int = 0, topic: str = "t.x") -> dict[str, Any]:
    return {
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "timestamp": 1_545_084_650_987,
        "timestampType": "CREATE_TIME",
        "key": base64.b64encode(key.encode()).decode() if key else None,
        "value": base64.b64encode(str(offset).encode()).decode(),
        "headers": [],
    }


def event(*records: dict[str, Any]) -> dict[str, Any]:
    grouped: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        grouped.setdefault(f"{record['topic']}-{record['partition']}", []).append(record)
    return {"eventSource": "aws:kafka", "bootstrapServers": "b:9092", "records": grouped}


def failed(response: dict[str, Any]) -> list[tuple[str, int]]:
    return sorted(
        (item["itemIdentifier"]["partition"], item["itemIdentifier"]["offset"])
        for item in response["batchItemFailures"]
    )


def test_a_batch_that_goes_well_reports_nothing(pool: Executor) -> None:
    seen: list[int] = []

    response = run_batch(event(raw(1, "a"), raw(2, "b")), lambda r: seen.append(r.offset), pool)

    assert response == {"batchItemFailures": []}
    assert sorted(seen) == [1, 2]


def test_poison_in_the_middle_is_the_only_one_reported(pool: Executor) -> None:
    def work(record: Record) -> None:
        if record.offset == 2:
            raise ValueError("poison")

    response = run_batch(event(raw(1, "a"), raw(2, "b"), raw(3, "c")), work, pool)

    assert response == {
        "batchItemFailures": [{"itemIdentifier": {"partition": "t.x-0", "offset": 2}}]
    }


def test_later_records_of_a_failed_key_wait_for_it(pool: Executor) -> None:
    done: list[int] = []

    def work(record: Record) -> None:
        if record.offset == 2:
            raise ValueError("broken for now")
        done.append(record.offset)

    batch = event(raw(1, "a"), raw(2, "a"), raw(3, "b"), raw(4, "a"), raw(5, "a"))

    assert failed(run_batch(batch, work, pool)) == [("t.x-0", 2), ("t.x-0", 4), ("t.x-0", 5)]
    assert sorted(done) == [1, 3]


def test_nobody_waits_for_a_record_that_can_never_be_read(pool: Executor) -> None:
    done: list[int] = []

    def work(record: Record) -> None:
        if record.offset == 2:
            raise BadMessage("no JSON")
        done.append(record.offset)

    batch = event(raw(1, "a"), raw(2, "a"), raw(3, "a"))

    assert failed(run_batch(batch, work, pool)) == [("t.x-0", 2)]
    assert done == [1, 3]


def test_when_all_fail_all_are_listed(pool: Executor) -> None:
    def work(_: Record) -> None:
        raise OSError("database away")

    batch = event(raw(1, "a"), raw(2, "b"), raw(7, "a", partition=1))

    assert failed(run_batch(batch, work, pool)) == [("t.x-0", 1), ("t.x-0", 2), ("t.x-1", 7)]


def test_one_key_is_worked_on_in_order(pool: Executor) -> None:
    seen: list[int] = []

    run_batch(event(*(raw(n, "a") for n in range(50))), lambda r: seen.append(r.offset), pool)

    assert seen == list(range(50))


def test_different_keys_are_worked_on_at_the_same_time(pool: Executor) -> None:
    together = threading.Barrier(3, timeout=30)

    def work(_: Record) -> None:
        together.wait()

    response = run_batch(event(raw(1, "a"), raw(2, "b"), raw(3, "c")), work, pool)

    assert response == {"batchItemFailures": []}


def test_records_without_a_key_keep_the_order_of_their_partition(pool: Executor) -> None:
    seen: list[int] = []

    run_batch(event(*(raw(n, None) for n in range(20))), lambda r: seen.append(r.offset), pool)

    assert seen == list(range(20))


def test_two_batches_at_the_same_time_do_not_mix_their_failures(pool: Executor) -> None:
    meet = threading.Barrier(2, timeout=30)

    def work(record: Record) -> None:
        meet.wait()
        if record.offset == 1:
            raise ValueError("poison")

    answers: dict[int, dict[str, Any]] = {}

    def run(offset: int) -> None:
        answers[offset] = run_batch(event(raw(offset, "a")), work, pool)

    threads = [threading.Thread(target=run, args=(offset,)) for offset in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed(answers[1]) == [("t.x-0", 1)]
    assert failed(answers[2]) == []


def test_a_tombstone_and_a_null_key_are_records_too(pool: Executor) -> None:
    tombstone = raw(1, None)
    del tombstone["value"]
    seen: list[Record] = []

    run_batch(event(tombstone), seen.append, pool)

    assert (seen[0].key, seen[0].value) == (None, None)
