"""FilterCriteria: "Event filtering" of AWS's documentation."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambda_esm.filter.filters import Filter
from lambda_esm.filter.patterns import PatternError
from lambda_esm.model.event import Headers
from tests.lambda_esm.command import Runner, group_of, mapping, template
from tests.lambda_esm.endpoint import Endpoint
from tests.lambda_esm.kafka import Kafka
from tests.lambda_esm.messages import FakeMessage
from tests.services import eventually


def criteria(*patterns: Any) -> dict[str, Any]:
    return {"Filters": [{"Pattern": json.dumps(pattern)} for pattern in patterns]}


def passes(
    pattern: Any, value: bytes | None, key: bytes | None = None, headers: Headers | None = None
) -> bool:
    message = FakeMessage(value, key, headers, partition=3, offset=300)
    return Filter([json.dumps(pattern)]).matches(message)


def test_only_records_that_match_reach_the_function(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    kafka.write(
        topic, *(json.dumps({"n": number, "kind": "ab"[number % 2]}) for number in range(10))
    )

    filters = criteria({"value": {"kind": ["a"], "n": [{"numeric": ["<", 6]}]}})
    esm.once(template({"M": mapping(topic, FilterCriteria=filters)}), endpoint.url)

    assert [json.loads(value)["n"] for value in endpoint.values] == [0, 2, 4]


def test_a_record_needs_to_match_one_of_several_filters(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    kafka.write(topic, "a", "b", "c")

    filters = criteria({"value": ["a"]}, {"value": ["c"]})
    esm.once(template({"M": mapping(topic, FilterCriteria=filters)}), endpoint.url)

    assert endpoint.values == ["a", "c"]


def test_offsets_of_matched_and_unmatched_records_are_committed(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    kafka.write(topic, "dropped", "sent", "dropped", partition=0)
    kafka.write(topic, "dropped", "dropped", partition=1)

    filters = criteria({"value": ["sent"]})
    document = template({"M": mapping(topic, FilterCriteria=filters)})
    esm(document, "--endpoint", endpoint.url).ready()

    eventually(lambda: kafka.committed(group_of(topic), topic) == {0: 3, 1: 2})
    assert endpoint.values == ["sent"]


def test_batch_size_counts_records_that_matched(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    kafka.write(topic, *("yes" if number % 10 == 0 else "no" for number in range(100)))

    filters = criteria({"value": ["yes"]})
    properties = {"BatchSize": 10, "MaximumBatchingWindowInSeconds": 60, "FilterCriteria": filters}
    esm(template({"M": mapping(topic, **properties)}), "--endpoint", endpoint.url).ready()

    (call,) = eventually(lambda: endpoint.calls[:])
    assert call.values == ["yes"] * 10


# The table "Properly filtering Kafka messages": what a pattern makes of a value. A pattern for
# partition 3 stands for "other metadata".
@pytest.mark.parametrize(
    ("value", "pattern", "expected"),
    [
        pytest.param(b"text", ["text"], True, id="plain, plain: filtered, fits"),
        pytest.param(b"other", ["text"], False, id="plain, plain: filtered, does not fit"),
        pytest.param(b'{"a": 1}', {"a": [1]}, True, id="JSON, JSON: filtered, fits"),
        pytest.param(b'{"a": 2}', {"a": [1]}, False, id="JSON, JSON: filtered, does not fit"),
        pytest.param(b"text", {"a": [1]}, None, id="plain, JSON: only metadata"),
        pytest.param(b'{"a": 1}', ["text"], None, id="JSON, plain: only metadata"),
        pytest.param(b"\xff\xfe", ["text"], None, id="not UTF-8, plain: only metadata"),
        pytest.param(b"\xff\xfe", {"a": [1]}, None, id="not UTF-8, JSON: only metadata"),
        pytest.param(b"{broken", {"a": [1]}, None, id="broken JSON is plain"),
        pytest.param(b"{broken", ["{broken"], True, id="broken JSON fits as plain"),
        pytest.param(b"300", ["300"], True, id="digits are plain"),
        pytest.param(b"", [""], True, id="an empty value is plain"),
    ],
)
def test_the_formats_of_value_and_pattern(
    value: bytes, pattern: Any, expected: bool | None
) -> None:
    metadata_fits = {"value": pattern, "partition": [3]}
    metadata_does_not = {"value": pattern, "partition": [4]}

    assert passes(metadata_fits, value) is (expected is not False)
    assert not passes(metadata_does_not, value)


def test_without_a_pattern_for_the_value_only_metadata_counts() -> None:
    assert passes({"partition": [3]}, b"anything")
    assert not passes({"partition": [1]}, b"anything")


def test_metadata_are_topic_partition_offset_and_timestamps() -> None:
    assert passes({"topic": ["topic"], "offset": [{"numeric": [">=", 300]}]}, b"")
    assert passes({"timestamp": [1545084650987], "timestampType": ["CREATE_TIME"]}, b"")
    assert not passes({"offset": ["300"]}, b""), "offsets are numbers"


def test_a_tombstone_has_no_value_to_match() -> None:
    assert not passes({"value": {"a": [1]}}, None)
    assert passes({"value": [{"exists": False}]}, None)
    assert passes({"partition": [3]}, None)


def test_key_and_headers_can_be_matched_here() -> None:
    assert passes({"key": ["user-1"]}, b"", b"user-1")
    assert not passes({"key": ["user-1"]}, b"", b"user-2")
    assert passes({"key": {"id": ["1"]}}, b"", b'{"id": "1"}')
    assert passes({"headers": {"type": ["a"]}}, b"", None, [("x", b"b"), ("type", b"a")])
    assert not passes({"headers": {"type": ["a"]}}, b"", None, [("type", b"b")])
    assert not passes({"headers": {"type": ["a"]}}, b"")


def test_an_empty_pattern_passes_everything() -> None:
    assert passes({}, b"anything")


@pytest.mark.parametrize("text", ["", "not json", "[]", '{"value": "x"}', "x" * 4097])
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(PatternError):
        Filter([text])
