"""The event: "Event shapes" of AWS's documentation, byte for byte."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from typing import Any
from uuid import uuid4

import pytest

from tests.events import kafka as events
from tests.lambda_esm.command import Runner, mapping, template
from tests.lambda_esm.endpoint import Call, Endpoint
from tests.lambda_esm.kafka import Headers, Kafka
from tests.services import eventually

ARN = "arn:aws:kafka:us-east-1:123456789012:cluster/demo/751d2973-a626-431c-9d4e-d7975eb44dd7-2"


def only_call(esm: Runner, endpoint: Endpoint, document: dict[str, Any]) -> Call:
    """Run until everything is delivered; it was one invocation."""
    esm.once(document, endpoint.url)
    (call,) = endpoint.calls
    return call


def test_self_managed_kafka_has_its_source_without_aws_and_no_arn(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    kafka.write(topic, b"{}", key=b"S0", timestamp_ms=1662403862095, partition=2)

    event = only_call(esm, endpoint, template({"M": mapping(topic)})).event

    assert event == {
        "eventSource": "SelfManagedKafka",
        "bootstrapServers": kafka.servers,
        "records": {
            f"{topic}-2": [
                {
                    "topic": topic,
                    "partition": 2,
                    "offset": 0,
                    "timestamp": 1662403862095,
                    "timestampType": "CREATE_TIME",
                    "key": b64encode(b"S0").decode(),
                    "value": b64encode(b"{}").decode(),
                    "headers": [],
                }
            ]
        },
    }


def test_msk_has_aws_kafka_and_the_clusters_arn(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    kafka.write(topic, b"x")
    managed = mapping(topic, EventSourceArn=ARN)
    del managed["Properties"]["SelfManagedEventSource"]
    del managed["Properties"]["SelfManagedKafkaEventSourceConfig"]

    event = only_call(esm, endpoint, template({"M": managed})).event

    assert (event["eventSource"], event["eventSourceArn"]) == ("aws:kafka", ARN)
    assert list(event) == list(events.load("kafka_msk")), "the members are those of AWS's example"


def test_the_record_has_the_members_of_a_recorded_one(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    kafka.write(topic, b"value", key=b"key", headers=[("h", b"v")])

    call = only_call(esm, endpoint, template({"M": mapping(topic)}))

    (recorded,) = next(iter(events.load("kafka_self_managed")["records"].values()))
    (record,) = call.records
    assert {name: type(value) for name, value in record.items()} == {
        name: type(value) for name, value in recorded.items()
    }


def test_header_bytes_are_signed_and_repeats_and_order_are_kept(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    headers: Headers = [
        ("greeting", "hello-world-ë".encode()),
        ("repeated", b"1"),
        ("other", b"\x00\x7f\x80\xff"),
        ("repeated", b"2"),
        ("empty", b""),
        ("null", None),
    ]
    kafka.write(topic, b"x", headers=headers)

    (record,) = only_call(esm, endpoint, template({"M": mapping(topic)})).records

    assert record["headers"] == [
        {"greeting": [*b"hello-world-", -61, -85]},
        {"repeated": [49]},
        {"other": [0, 127, -128, -1]},
        {"repeated": [50]},
        {"empty": []},
        {"null": []},
    ]


def test_a_tombstone_has_no_value_and_a_null_key_no_key(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    kafka.write(topic, None, key="Zürich".encode(), partition=1)
    kafka.write(topic, b"", partition=1)

    esm.once(template({"M": mapping(topic)}), endpoint.url)

    tombstone, keyless = [record for call in endpoint.calls for record in call.records]

    assert "value" not in tombstone
    assert tombstone["key"] == b64encode("Zürich".encode()).decode()
    assert "key" not in keyless
    assert keyless["value"] == "", "an empty value is not a tombstone"


def test_bytes_that_are_no_text_arrive_as_they_were(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    every_byte = bytes(range(256))
    kafka.write(topic, every_byte, key=every_byte)

    (record,) = only_call(esm, endpoint, template({"M": mapping(topic)})).records

    assert record["value"] == record["key"] == b64encode(every_byte).decode()


def test_the_map_key_is_topic_dash_partition_though_topics_have_dots_and_dashes(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    assert "." in topic
    assert "-" in topic
    for partition in range(4):
        kafka.write(topic, b"x", partition=partition)

    esm.once(template({"M": mapping(topic)}), endpoint.url)

    sent = {name for call in endpoint.calls for name in call.partitions}
    assert sent == {f"{topic}-{partition}" for partition in range(4)}


def test_partition_offset_and_timestamp_are_numbers(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    kafka.write(topic, b"x")

    call = only_call(esm, endpoint, template({"M": mapping(topic)}))

    (record,) = json.loads(call.body)["records"][f"{topic}-0"]
    assert [type(record[name]) for name in ("partition", "offset", "timestamp")] == [int] * 3


@pytest.mark.apache
def test_a_topic_may_have_the_brokers_time(esm: Runner, endpoint: Endpoint, kafka: Kafka) -> None:
    topic = f"appended-{uuid4().hex}"
    kafka.create(topic, message_timestamp_type="LogAppendTime")
    before = int(time.time() * 1000)
    kafka.write(topic, "x", timestamp_ms=1)

    (record,) = only_call(esm, endpoint, template({"M": mapping(topic)})).records

    assert record["timestampType"] == "LOG_APPEND_TIME"
    assert before <= record["timestamp"] <= time.time() * 1000


def test_it_is_a_synchronous_invocation_of_the_named_function(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    kafka.write(topic, b"x")

    call = only_call(esm, endpoint, template({"M": mapping(topic)}))

    assert call.path == "/2015-03-31/functions/Function/invocations"
    assert call.headers["X-Amz-Invocation-Type"] == "RequestResponse"


def test_an_event_that_was_sent_again_is_the_same(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    from tests.lambda_esm.endpoint import ERROR, OK

    endpoint.answer = lambda _: OK if len(endpoint.calls) > 1 else ERROR
    kafka.write(topic, b"x", headers=[("h", b"v")])

    esm.once(template({"M": mapping(topic)}), endpoint.url)

    first, second = eventually(lambda: endpoint.calls[:2])
    assert first.body == second.body
