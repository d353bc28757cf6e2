"""Every form of a partial batch response, right and wrong."""

from __future__ import annotations

from typing import Any

import pytest

from lambda_esm.deliver.response import MalformedResponse, failed_records
from lambda_esm.model.event import Record, Records

TOPIC = "user.register-v2"
RECORDS: Records = {
    number: [Record(offset, 1, 0, None, b"x", None) for offset in range(10, 13)]
    for number in (0, 3)
}


def listing(*identifiers: Any) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": each} for each in identifiers]}


def identifier(partition: Any = f"{TOPIC}-0", offset: Any = 10) -> dict[str, Any]:
    return {"partition": partition, "offset": offset}


def offsets(records: list[Record]) -> list[int]:
    return [record.offset for record in records]


def test_the_listed_records_in_the_order_of_their_partitions() -> None:
    answer = listing(
        identifier(f"{TOPIC}-3", 12), identifier(offset=11), identifier(f"{TOPIC}-3", 10)
    )

    failed = failed_records(answer, TOPIC, RECORDS)

    assert {number: offsets(records) for number, records in failed.items()} == {
        0: [11],
        3: [10, 12],
    }


def test_a_record_listed_twice_fails_once() -> None:
    failed = failed_records(listing(identifier(), identifier()), TOPIC, RECORDS)

    assert offsets(failed[0]) == [10]


@pytest.mark.parametrize(
    "answer",
    [None, "", {}, {"batchItemFailures": []}, {"batchItemFailures": None}, {"other": 1}],
    ids=repr,
)
def test_an_answer_that_lists_nothing_is_success(answer: Any) -> None:
    assert failed_records(answer, TOPIC, RECORDS) == {}


@pytest.mark.parametrize(
    "bad",
    [
        identifier(offset=99),
        identifier(f"{TOPIC}-1"),
        identifier("other-0"),
        identifier(""),
        identifier(0),
        identifier(offset="10"),
        identifier(offset=10.0),
        identifier(offset=True),
        identifier(offset=None),
        {"partition": f"{TOPIC}-0"},
        {"offset": 10},
        {},
        None,
        "",
        f"{TOPIC}-0-10",
        [f"{TOPIC}-0", 10],
    ],
    ids=repr,
)
def test_an_unknown_or_malformed_identifier_fails_the_whole_batch(bad: Any) -> None:
    with pytest.raises(MalformedResponse):
        failed_records(listing(identifier(), bad), TOPIC, RECORDS)


@pytest.mark.parametrize(
    "answer",
    [
        "text",
        [1],
        7,
        True,
        {"batchItemFailures": "text"},
        {"batchItemFailures": {"a": 1}},
        {"batchItemFailures": [1]},
        {"batchItemFailures": [{}]},
        {"batchItemFailures": [None]},
        {"batchItemFailures": [[]]},
    ],
    ids=repr,
)
def test_a_malformed_answer_fails_the_whole_batch(answer: Any) -> None:
    with pytest.raises(MalformedResponse):
        failed_records(answer, TOPIC, RECORDS)
