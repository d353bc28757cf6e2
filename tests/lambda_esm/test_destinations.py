"""On-failure destinations: "Capturing discarded batches" of AWS's documentation, and replay."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lambda_esm.aws import Aws
from tests.lambda_esm.command import Runner, group_of, mapping, template
from tests.lambda_esm.endpoint import ERROR, OK, Endpoint
from tests.lambda_esm.kafka import Kafka
from tests.services import eventually

ARN = "arn:aws:lambda:us-east-1:123456789012:function:Function"
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    aws = Aws()
    yield aws
    aws.close()


def failing_to(destination: str, topic: str, **properties: Any) -> dict[str, Any]:
    """Return a mapping that gives up after one retry."""
    config = {"OnFailure": {"Destination": destination}}
    return template(
        {"M": mapping(topic, DestinationConfig=config, MaximumRetryAttempts=1, **properties)}
    )


def give_up(
    esm: Runner, endpoint: Endpoint, document: dict[str, Any], aws: Aws | None = None
) -> None:
    endpoint.answer = lambda _: ERROR
    flags = ("--endpoint", endpoint.url, "--once")
    running = esm(document, *flags, env=aws.env if aws else None)
    assert running.exit_code(60) == 0, running.text


def check_batch_record(record: dict[str, Any], servers: str, topic: str) -> None:
    """All that is not in the payload; two records of partition 1 were given up."""
    assert set(record) - {"payload"} == {
        "requestContext", "responseContext", "version", "timestamp", "KafkaBatchInfo",
    }  # fmt: skip
    request, info = record["requestContext"], record["KafkaBatchInfo"]
    assert UUID.fullmatch(request.pop("requestId"))
    assert request == {
        "functionArn": ARN,
        "condition": "RetryAttemptsExhausted",
        "approximateInvokeCount": 2,
    }
    assert record["responseContext"] == {
        "statusCode": 200,
        "executedVersion": "$LATEST",
        "functionError": "Unhandled",
    }
    assert record["version"] == "1.0"
    assert MOMENT.fullmatch(record["timestamp"])
    assert (info["batchSize"], info["bootstrapServers"]) == (2, servers)
    assert info["recordsInfo"] == {
        f"{topic}-1": {
            "firstRecordOffset": "0",
            "lastRecordOffset": "1",
            "firstRecordTimestamp": "2019-11-14T00:38:04.835Z",
            "lastRecordTimestamp": "2019-11-14T00:38:05.580Z",
        }
    }


def write_two(kafka: Kafka, topic: str) -> None:
    kafka.write(topic, "a", key=b"k", partition=1, timestamp_ms=1573691884835)
    kafka.write(topic, "b", headers=[("h", b"\xff")], partition=1, timestamp_ms=1573691885580)


TOGETHER = {"MaximumBatchingWindowInSeconds": 1}


def test_sqs_gets_one_record_for_the_batch_without_payload(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str, aws: Aws
) -> None:
    url, arn = aws.queue("failed")
    write_two(kafka, topic)

    give_up(esm, endpoint, failing_to(arn, topic, **TOGETHER), aws)

    (body,) = aws.messages(url)
    record = json.loads(body)
    check_batch_record(record, kafka.servers, topic)
    assert "payload" not in record
    assert record["KafkaBatchInfo"]["payloadSize"] == len(endpoint.calls[0].body)
    assert kafka.committed(group_of(topic), topic) == {1: 2}


def test_sns_gets_the_same_as_sqs(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str, aws: Aws
) -> None:
    url, queue = aws.queue("subscribed")
    arn = aws.client("sns").create_topic(Name="failed")["TopicArn"]
    aws.client("sns").subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue)
    write_two(kafka, topic)

    give_up(esm, endpoint, failing_to(arn, topic, **TOGETHER), aws)

    (body,) = aws.messages(url)
    record = json.loads(json.loads(body)["Message"])
    check_batch_record(record, kafka.servers, topic)
    assert "payload" not in record


def test_s3_gets_the_whole_event_as_text(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str, aws: Aws
) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="failed")
    write_two(kafka, topic)

    give_up(esm, endpoint, failing_to("arn:aws:s3:::failed", topic, **TOGETHER), aws)

    (item,) = s3.list_objects_v2(Bucket="failed")["Contents"]
    assert re.fullmatch(
        rf"aws/lambda/{UUID.pattern}/{re.escape(topic)}-1/\d{{4}}/\d\d/\d\d/"
        rf"\d{{4}}-\d\d-\d\dT\d\d\.\d\d\.\d\d-{UUID.pattern}",
        item["Key"],
    )
    record = json.loads(s3.get_object(Bucket="failed", Key=item["Key"])["Body"].read())
    check_batch_record(record, kafka.servers, topic)
    assert json.loads(record["payload"]) == endpoint.calls[0].event


def test_a_kafka_topic_gets_one_message_for_each_record_with_its_key(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    failed = kafka.topic("failed")
    write_two(kafka, topic)

    give_up(esm, endpoint, failing_to(f"kafka://{failed}", topic, **TOGETHER))

    messages = {
        message.key(): json.loads(message.value() or b"") for message in kafka.read(failed, 2)
    }
    record = messages[b"k"]
    assert set(messages) == {b"k", None}
    assert UUID.fullmatch(record["requestContext"].pop("requestId"))
    assert record["requestContext"] == {
        "functionArn": f"{ARN}:$LATEST",
        "condition": "RetriesExhausted",
        "approximateInvokeCount": 2,
    }
    assert record["KafkaBatchInfo"]["batchSize"] == 1
    assert record["KafkaBatchInfo"]["recordInfo"] == {
        "offset": "0",
        "timestamp": "2019-11-14T00:38:04.835Z",
    }
    event = endpoint.calls[0].event
    first, second = event["records"][f"{topic}-1"]
    assert record["payload"] == {**event, "records": {f"{topic}-1": [first]}}
    assert messages[None]["payload"] == {**event, "records": {f"{topic}-1": [second]}}


def test_only_the_records_that_were_given_up_go_there(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    failed = kafka.topic("failed")
    kafka.write(topic, "good", "bad", "good, too")
    document = failing_to(f"kafka://{failed}", topic, BisectBatchOnFunctionError=True)
    endpoint.answer = lambda call: ERROR if "bad" in call.values else OK

    esm.once(document, endpoint.url)

    (message,) = kafka.read(failed, 1)
    (record,) = json.loads(message.value() or b"")["payload"]["records"][f"{topic}-0"]
    assert record["offset"] == 1
    assert kafka.committed(group_of(topic), topic) == {0: 3}


def test_a_record_too_large_for_the_payload_limit_goes_there_without_a_response(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str, aws: Aws
) -> None:
    url, arn = aws.queue("too-large")
    kafka.write(topic, "small", bytes(9_000), "small, too")
    flags = ("--endpoint", endpoint.url, "--once", "--payload-limit", "10000")

    running = esm(failing_to(arn, topic, **TOGETHER), *flags, env=aws.env)
    assert running.exit_code() == 0

    (body,) = aws.messages(url)
    record = json.loads(body)
    assert record["requestContext"]["condition"] == "MaximumPayloadSizeExceeded"
    assert record["responseContext"] is None
    assert record["KafkaBatchInfo"]["recordsInfo"][f"{topic}-0"]["firstRecordOffset"] == "1"
    assert endpoint.values == ["small", "small, too"]


def test_without_a_destination_a_record_that_is_too_large_is_skipped(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    kafka.write(topic, bytes(9_000), "small")

    esm.once(template({"M": mapping(topic)}), endpoint.url, "--payload-limit", "10000")

    assert endpoint.values == ["small"]
    assert kafka.committed(group_of(topic), topic) == {0: 2}


def test_a_record_that_is_too_old_goes_there(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    failed = kafka.topic("failed")
    kafka.write(topic, "old", timestamp_ms=1573691884835)

    document = failing_to(f"kafka://{failed}", topic, MaximumRecordAgeInSeconds=60)
    esm.once(document, endpoint.url)

    (message,) = kafka.read(failed, 1)
    record = json.loads(message.value() or b"")
    assert record["requestContext"]["condition"] == "RecordAgeExceeded"
    assert record["responseContext"] is None
    assert endpoint.calls == []


def test_while_the_destination_is_away_nothing_is_committed_and_nothing_lost(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str, aws: Aws
) -> None:
    arn = f"arn:aws:sqs:us-east-1:123456789012:{topic.replace('.', '-')}"
    kafka.write(topic, "bad")
    endpoint.answer = lambda _: ERROR
    document = failing_to(arn, topic)
    running = esm(document, "--endpoint", endpoint.url, "--once", env=aws.env)
    running.find("destination failed, to be tried again")
    assert kafka.committed(group_of(topic), topic) == {}

    url, _ = aws.queue(topic.replace(".", "-"))

    assert running.exit_code() == 0
    assert len(aws.messages(url)) == 1
    assert kafka.committed(group_of(topic), topic) == {0: 1}


# ---- replay


def replay(esm: Runner, destination: str, *flags: str, aws: Aws | None = None) -> str:
    """Replay what a destination has; return the command's output."""
    running = esm.replay(destination, *flags, env=aws.env if aws else None)
    assert running.exit_code() == 0, running.text
    return running.text


def check_replayed(kafka: Kafka, topic: str) -> None:
    """Check that the records of :func:`write_two` are there twice, each just as it was."""
    messages = kafka.read(topic, 4)
    seen = [(m.key(), m.value(), m.headers(), m.partition(), m.timestamp()[1]) for m in messages]
    assert len(seen) == 4
    # In any order: they have different keys, so they were in different partitions meanwhile.
    assert sorted(seen[2:], key=lambda record: record[4]) == seen[:2]


def test_replay_of_a_kafka_topic_puts_the_records_back_as_they_were_and_once(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    failed = kafka.topic("failed")
    kafka.write(failed, "not one of ours")
    write_two(kafka, topic)
    give_up(esm, endpoint, failing_to(f"kafka://{failed}", topic))

    text = replay(esm, f"kafka://{failed}")
    replay(esm, f"kafka://{failed}")

    assert "skipped reason=not an on-failure record" in text
    check_replayed(kafka, topic)
    assert kafka.read(topic, 5, timeout=0.5)[4:] == []


def test_replay_of_a_queue_reads_the_records_from_their_topic(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str, aws: Aws
) -> None:
    url, arn = aws.queue("to-replay")
    write_two(kafka, topic)
    give_up(esm, endpoint, failing_to(arn, topic, **TOGETHER), aws)

    replay(esm, arn, aws=aws)

    check_replayed(kafka, topic)
    assert aws.messages(url) == []


def test_replay_of_a_bucket(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str, aws: Aws
) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="to-replay")
    write_two(kafka, topic)
    give_up(esm, endpoint, failing_to("arn:aws:s3:::to-replay", topic, **TOGETHER), aws)

    replay(esm, "arn:aws:s3:::to-replay", aws=aws)

    check_replayed(kafka, topic)
    assert s3.list_objects_v2(Bucket="to-replay")["KeyCount"] == 0


def test_a_dry_run_says_what_would_be_put_back_and_does_nothing(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    failed = kafka.topic("failed")
    write_two(kafka, topic)
    give_up(esm, endpoint, failing_to(f"kafka://{failed}", topic))

    for _ in range(2):
        text = replay(esm, f"kafka://{failed}", "--dry-run")
        assert f"would replay condition=RetriesExhausted records={topic}-1:0" in text
    assert kafka.read(topic, 3, timeout=0.5)[2:] == []


def test_what_was_replayed_is_delivered(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    failed = kafka.topic("failed")
    document = failing_to(f"kafka://{failed}", topic)
    kafka.write(topic, "x")
    give_up(esm, endpoint, document)
    endpoint.calls.clear()
    endpoint.answer = lambda _: OK

    replay(esm, f"kafka://{failed}")
    esm(document, "--endpoint", endpoint.url).ready()

    eventually(lambda: endpoint.values == ["x"])
