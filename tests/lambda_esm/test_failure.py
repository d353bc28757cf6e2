"""Failures: "Partial batch response" and "Retries, bisect, age" of AWS's documentation."""

from __future__ import annotations

import itertools
import json
import threading
import time
from typing import Any

import pytest

from tests.lambda_esm.command import Runner, group_of, mapping, template
from tests.lambda_esm.endpoint import ERROR, OK, THROTTLED, Call, Endpoint, Reply, failing
from tests.lambda_esm.kafka import Kafka
from tests.services import eventually

PARTIAL = {"FunctionResponseTypes": ["ReportBatchItemFailures"]}


def once(esm: Runner, endpoint: Endpoint, topic: str, *flags: str, **properties: Any) -> None:
    """Run until everything is delivered or given up."""
    esm.once(template({"M": mapping(topic, **properties)}), endpoint.url, *flags)


def fail_first(endpoint: Endpoint, *replies: Reply) -> None:
    """Give the first invocations these answers; all others succeed."""
    endpoint.answer = lambda _: (
        replies[len(endpoint.calls) - 1] if len(endpoint.calls) <= len(replies) else OK
    )


def poisoned_by(endpoint: Endpoint, *poison: str) -> None:
    """Fail the invocations that have one of these values."""
    endpoint.answer = lambda call: ERROR if set(poison) & set(call.values) else OK


def shapes(endpoint: Endpoint) -> list[list[str]]:
    return [call.values for call in endpoint.calls]


# ---- the whole batch


def test_a_function_error_retries_the_whole_batch(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    fail_first(endpoint, ERROR, ERROR)
    kafka.write(topic, "a", "b")

    once(esm, endpoint, topic)

    assert shapes(endpoint) == [["a", "b"]] * 3
    assert kafka.committed(group_of(topic), topic) == {0: 2}


def test_without_a_limit_it_retries_until_processing_succeeds(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    fail_first(endpoint, *[ERROR] * 30)
    kafka.write(topic, "a")

    once(esm, endpoint, topic)

    assert len(endpoint.calls) == 31


def test_the_affected_partition_does_not_advance_and_others_do(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    poisoned_by(endpoint, "bad")
    esm(template({"M": mapping(topic)}), "--endpoint", endpoint.url).ready()
    kafka.write(topic, "bad", partition=0)
    eventually(lambda: endpoint.calls)

    kafka.write(topic, "behind", partition=0)
    kafka.write(topic, "elsewhere", partition=1)

    eventually(lambda: kafka.committed(group_of(topic), topic) == {1: 1})
    eventually(lambda: len(endpoint.calls) > 10)
    assert "behind" not in endpoint.values


def test_the_delay_between_retries_doubles(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    fail_first(endpoint, *[ERROR] * 4)
    kafka.write(topic, "a")

    once(esm, endpoint, topic, "--retry-delay", "0.1", "--retry-delay-max", "0.4")

    began = [call.began for call in endpoint.calls]
    waits = [later - earlier for earlier, later in itertools.pairwise(began)]
    least = [0.8 * seconds for seconds in (0.1, 0.2, 0.4, 0.4)]
    assert all(wait >= low for wait, low in zip(waits, least, strict=True)), waits


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_maximum_retry_attempts_counts_reinvocations(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str, retries: int
) -> None:
    poisoned_by(endpoint, "bad")
    kafka.write(topic, "bad")
    kafka.write(topic, "next")

    once(esm, endpoint, topic, MaximumRetryAttempts=retries, BatchSize=1)

    assert endpoint.values == ["bad"] * (1 + retries) + ["next"]


def test_when_retries_are_exhausted_the_offset_advances(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    endpoint.answer = lambda _: ERROR
    kafka.write(topic, "a", "b")

    once(esm, endpoint, topic, MaximumRetryAttempts=1)

    assert kafka.committed(group_of(topic), topic) == {0: 2}


def test_with_a_destination_infinite_means_ten_retries(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    endpoint.answer = lambda _: ERROR
    kafka.write(topic, "bad")
    failed = {"OnFailure": {"Destination": f"kafka://{kafka.topic('failed')}"}}

    once(esm, endpoint, topic, DestinationConfig=failed, MaximumRetryAttempts=-1)

    assert endpoint.values == ["bad"] * 11


def test_a_record_older_than_the_limit_is_not_sent(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    now = int(time.time() * 1000)
    kafka.write(topic, "old", timestamp_ms=now - 120_000)
    kafka.write(topic, "young", timestamp_ms=now)
    kafka.write(topic, "old, too", timestamp_ms=now - 61_000)

    once(esm, endpoint, topic, MaximumRecordAgeInSeconds=60)

    assert endpoint.values == ["young"]
    assert kafka.committed(group_of(topic), topic) == {0: 3}


def test_any_age_is_sent_by_default(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    kafka.write(topic, "ancient", timestamp_ms=1_000_000)

    once(esm, endpoint, topic, MaximumRecordAgeInSeconds=-1)

    assert endpoint.values == ["ancient"]


# ---- bisect


def test_bisect_isolates_one_poison_record(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    values = [f"{number}" for number in range(64)]
    poisoned_by(endpoint, "37")
    kafka.write(topic, *values)

    once(esm, endpoint, topic, BisectBatchOnFunctionError=True, MaximumRetryAttempts=0)

    (whole, *_) = [call for call in endpoint.calls if len(call.values) == 64]
    assert whole.values == values
    assert len(endpoint.calls) <= 2 * 6 + 1, "2 log2(64) + 1"
    done = [v for call in endpoint.calls if "37" not in call.values for v in call.values]
    assert done == [value for value in values if value != "37"], "in order, and each once"


def test_a_split_takes_no_retry(esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str) -> None:
    poisoned_by(endpoint, "b")
    kafka.write(topic, "a", "b")

    once(esm, endpoint, topic, BisectBatchOnFunctionError=True, MaximumRetryAttempts=2)

    assert shapes(endpoint) == [["a", "b"], ["a"], ["b"], ["b"], ["b"]]


def test_bisect_splits_over_partitions_too(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    poisoned_by(endpoint, "1b")
    for partition in range(2):
        kafka.write(topic, f"{partition}a", f"{partition}b", partition=partition)

    once(
        *(esm, endpoint, topic),
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=0,
        MaximumBatchingWindowInSeconds=1,
    )

    assert endpoint.calls[0].partitions == {f"{topic}-0", f"{topic}-1"}
    done = [v for call in endpoint.calls if "1b" not in call.values for v in call.values]
    assert sorted(done) == ["0a", "0b", "1a"]
    assert kafka.committed(group_of(topic), topic) == {0: 2, 1: 2}


# ---- the partial batch response


def test_only_the_listed_records_are_retried(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    fail_first(endpoint, failing((f"{topic}-0", 1), (f"{topic}-0", 3)))
    kafka.write(topic, "a", "b", "c", "d")

    once(esm, endpoint, topic, **PARTIAL)

    assert shapes(endpoint) == [["a", "b", "c", "d"], ["b", "d"]]


def test_what_stands_before_the_first_listed_record_is_committed(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    endpoint.answer = lambda _: failing((f"{topic}-0", 2))
    kafka.write(topic, "a", "b", "c", "d")

    document = template({"M": mapping(topic, **PARTIAL)})
    esm(document, "--endpoint", endpoint.url).ready()

    eventually(lambda: kafka.committed(group_of(topic), topic) == {0: 2})
    eventually(lambda: len(endpoint.calls) > 5)
    assert kafka.committed(group_of(topic), topic) == {0: 2}


def test_failures_of_several_partitions_are_retried_together(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    fail_first(endpoint, failing((f"{topic}-0", 0), (f"{topic}-2", 1)))
    for partition in (0, 2):
        kafka.write(topic, f"{partition}a", f"{partition}b", partition=partition)

    once(esm, endpoint, topic, MaximumBatchingWindowInSeconds=1, **PARTIAL)

    assert sorted(endpoint.calls[1].values) == ["0a", "2b"]
    assert kafka.committed(group_of(topic), topic) == {0: 2, 2: 2}


@pytest.mark.parametrize(
    "reply",
    [Reply(raw=b""), Reply(raw=b"null"), Reply({}), Reply({"batchItemFailures": []})],
    ids=["empty", "null", "{}", "[]"],
)
def test_an_answer_that_lists_nothing_is_success(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str, reply: Reply
) -> None:
    fail_first(endpoint, reply)
    kafka.write(topic, "a", "b")

    once(esm, endpoint, topic, **PARTIAL)

    assert shapes(endpoint) == [["a", "b"]]
    assert kafka.committed(group_of(topic), topic) == {0: 2}


@pytest.mark.parametrize(
    "reply",
    [
        failing(("other-0", 0)),
        failing(("{topic}-0", 99)),
        Reply({"batchItemFailures": [{"itemIdentifier": ""}]}),
        Reply(raw=b"not json"),
    ],
    ids=["unknown partition", "unknown offset", "malformed identifier", "not JSON"],
)
def test_an_unknown_or_malformed_identifier_fails_the_whole_batch(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str, reply: Reply
) -> None:
    """All forms of it are in test_response.py."""
    body = reply.body and json.loads(json.dumps(reply.body).replace("{topic}", topic))
    fail_first(endpoint, reply._replace(body=body))
    kafka.write(topic, "a", "b")

    once(esm, endpoint, topic, **PARTIAL)

    assert shapes(endpoint) == [["a", "b"], ["a", "b"]]


def test_without_report_batch_item_failures_the_answer_is_not_looked_at(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    fail_first(endpoint, failing((f"{topic}-0", 0)))
    kafka.write(topic, "a", "b")

    once(esm, endpoint, topic)

    assert shapes(endpoint) == [["a", "b"]]


def test_listed_records_are_given_up_when_retries_are_exhausted_and_no_others(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    endpoint.answer = lambda call: failing((f"{topic}-0", 1)) if "b" in call.values else OK
    kafka.write(topic, "a", "b", "c")

    once(esm, endpoint, topic, MaximumRetryAttempts=2, **PARTIAL)

    assert shapes(endpoint) == [["a", "b", "c"], ["b"], ["b"]]
    assert kafka.committed(group_of(topic), topic) == {0: 3}


# ---- what has not reached the function


@pytest.mark.parametrize(
    "reply",
    [THROTTLED, Reply({"Type": "Service"}, 500), Reply({"Type": "Service"}, 503)],
    ids=["throttled", "service error", "unavailable"],
)
def test_throttles_and_service_errors_take_no_retry_and_split_nothing(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str, reply: Reply
) -> None:
    fail_first(endpoint, *[reply] * 5)
    kafka.write(topic, "a", "b")

    once(esm, endpoint, topic, MaximumRetryAttempts=0, BisectBatchOnFunctionError=True)

    assert shapes(endpoint) == [["a", "b"]] * 6


def test_an_endpoint_that_is_away_is_tried_until_it_is_back(
    esm: Runner, kafka: Kafka, topic: str
) -> None:
    with Endpoint() as gone:
        url = gone.url
    kafka.write(topic, "a")
    document = template({"M": mapping(topic, MaximumRetryAttempts=0)})
    running = esm(document, "--endpoint", url).ready()

    eventually(lambda: len(running.invocations()) > 3)

    assert {line["result"] for line in running.invocations()} == {"unreachable"}
    assert kafka.committed(group_of(topic), topic) == {}


def test_a_function_timeout_is_a_function_error(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    fail_first(endpoint, ERROR._replace(body={"errorMessage": "Task timed out after 3.00 seconds"}))
    kafka.write(topic, "a")

    once(esm, endpoint, topic, MaximumRetryAttempts=1)

    assert shapes(endpoint) == [["a"], ["a"]]


def test_no_answer_beyond_the_functions_timeout_is_a_timeout(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    gate = threading.Event()
    endpoint.answer = lambda _: OK if len(endpoint.calls) > 1 or gate.wait(30) else ERROR
    kafka.write(topic, "a")
    document = template({"M": mapping(topic, MaximumRetryAttempts=1)})
    document["Resources"]["Function"]["Properties"]["Timeout"] = 1

    running = esm(document, "--endpoint", endpoint.url, "--endpoint-grace", "0.2", "--once")
    assert running.exit_code() == 0
    gate.set()

    assert [line["result"] for line in running.invocations()] == ["timeout", "success"]


def test_a_slow_invocation_costs_neither_membership_nor_order(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    """The heartbeat goes on while a batch is out for longer than the session may be silent."""

    def answer(call: Call) -> Reply:
        if len(endpoint.calls) == 1:
            time.sleep(8)
        return OK

    endpoint.answer = answer
    kafka.write(topic, "slow")
    document = template({"M": mapping(topic, BatchSize=1)})
    running = esm(
        document,
        *("--endpoint", endpoint.url, "--group-protocol", "consumer"),
    ).ready()
    kafka.write(topic, "next")

    eventually(lambda: kafka.committed(group_of(topic), topic) == {0: 2})
    assert endpoint.values == ["slow", "next"]
    assert "revoked" not in running.text
