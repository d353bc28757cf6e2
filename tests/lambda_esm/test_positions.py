"""Where a mapping starts, what it commits, and what happens when it ends or shares its group."""

from __future__ import annotations

import threading
import time

from confluent_kafka import Consumer, TopicPartition

from tests.lambda_esm.command import Runner, group_of, mapping, template
from tests.lambda_esm.endpoint import ERROR, OK, Call, Endpoint, Reply
from tests.lambda_esm.kafka import Kafka
from tests.services import eventually


def test_trim_horizon_starts_at_the_oldest_record(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    kafka.write(topic, "old")

    esm.once(template({"M": mapping(topic)}), endpoint.url)

    assert endpoint.values == ["old"]


def test_latest_starts_after_the_newest_record(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    kafka.write(topic, "old")
    document = template({"M": mapping(topic, StartingPosition="LATEST")})
    esm(document, "--endpoint", endpoint.url).ready()

    kafka.write(topic, "new")

    eventually(lambda: endpoint.values)
    assert endpoint.values == ["new"]


def test_latest_skips_nothing_that_came_while_the_command_was_down(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    document = template({"M": mapping(topic, StartingPosition="LATEST")})
    esm(document, "--endpoint", endpoint.url).ready().stop()

    kafka.write(topic, "meanwhile")

    esm.once(document, endpoint.url)
    assert endpoint.values == ["meanwhile"]


def test_at_timestamp_starts_at_the_first_record_at_or_after_the_time(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    now = int(time.time()) - 100
    for seconds, value in ((-10, "before"), (0, "at"), (10, "after")):
        kafka.write(topic, value, timestamp_ms=(now + seconds) * 1000)
    kafka.write(topic, "early only", timestamp_ms=(now - 10) * 1000, partition=1)
    start = {"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": now}

    esm.once(template({"M": mapping(topic, **start)}), endpoint.url)

    assert endpoint.values == ["at", "after"]


def test_a_group_with_committed_offsets_ignores_the_starting_position(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    kafka.write(topic, "a", "b", "c")
    consumer = Consumer({"bootstrap.servers": kafka.servers, "group.id": group_of(topic)})
    consumer.commit(offsets=[TopicPartition(topic, 0, 1)], asynchronous=False)
    consumer.close()

    for start in ("LATEST", "TRIM_HORIZON"):
        document = template({"M": mapping(topic, StartingPosition=start)})
        esm.once(document, endpoint.url)

    assert endpoint.values == ["b", "c"]


def test_offsets_are_committed_after_success(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    kafka.write(topic, "a", "b", "c", partition=2)

    esm(template({"M": mapping(topic)}), "--endpoint", endpoint.url).ready()

    eventually(lambda: kafka.committed(group_of(topic), topic) == {2: 3})


def test_nothing_is_committed_while_a_batch_is_out_or_failing(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    endpoint.answer = lambda _: ERROR
    kafka.write(topic, "a")

    esm(template({"M": mapping(topic)}), "--endpoint", endpoint.url).ready()

    eventually(lambda: len(endpoint.calls) > 5)
    assert kafka.committed(group_of(topic), topic) == {}


def test_a_restart_resumes_where_it_was(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    document = template({"M": mapping(topic)})
    kafka.write(topic, "first")
    esm.once(document, endpoint.url)
    kafka.write(topic, "second")
    esm.once(document, endpoint.url)

    assert endpoint.values == ["first", "second"]


def test_without_a_consumer_group_id_the_group_is_the_same_at_each_start(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    document = template({"M": mapping(topic, SelfManagedKafkaEventSourceConfig={})})
    for value in ("first", "second"):
        kafka.write(topic, value)
        esm.once(document, endpoint.url)

    assert endpoint.values == ["first", "second"]


def test_kill_between_invocation_and_commit_delivers_again_and_loses_nothing(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    gate = threading.Event()
    endpoint.answer = lambda _: OK if gate.wait(30) else ERROR
    kafka.write(topic, *(str(number) for number in range(10)))
    document = template({"M": mapping(topic)})
    first = esm(document, "--endpoint", endpoint.url)
    eventually(lambda: endpoint.out)

    first.kill()
    gate.set()
    esm(document, "--endpoint", endpoint.url)

    eventually(lambda: len(endpoint.values) == 20)
    assert set(endpoint.values[10:]) == {str(number) for number in range(10)}


def test_a_stop_finishes_what_is_out_commits_it_and_leaves_the_group(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    gate = threading.Event()
    endpoint.answer = lambda _: OK if gate.wait(30) else ERROR
    kafka.write(topic, "out")
    document = template({"M": mapping(topic, BatchSize=1)})
    first = esm(document, "--endpoint", endpoint.url)
    eventually(lambda: endpoint.out)
    kafka.write(topic, "not begun")

    stopping = threading.Thread(target=first.stop)
    stopping.start()
    stopping.join(0.3)
    assert stopping.is_alive(), "it must wait for the invocation that is out"
    gate.set()
    stopping.join(15)

    assert first.exit_code() == 0
    assert kafka.committed(group_of(topic), topic) == {0: 1}
    assert endpoint.values == ["out"]
    begun = time.monotonic()
    esm(document, "--endpoint", endpoint.url)
    eventually(lambda: endpoint.values == ["out", "not begun"])
    assert time.monotonic() - begun < 5, "the group was not left: its session had to time out"


def test_a_stop_gives_up_waiting_for_a_retry(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    endpoint.answer = lambda _: ERROR
    kafka.write(topic, "bad")
    running = esm(
        template({"M": mapping(topic)}),
        *("--endpoint", endpoint.url, "--retry-delay", "60"),
    ).ready()
    eventually(lambda: endpoint.calls)

    assert running.stop(5) == 0
    assert kafka.committed(group_of(topic), topic) == {}


def test_two_commands_share_the_partitions_of_a_group(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    document = template({"M": mapping(topic)})
    first = esm(document, "--endpoint", endpoint.url).ready()
    second = esm(document, "--endpoint", endpoint.url).ready()
    second.find(r"partitions assigned .* partitions=\d")
    first.find(r"partitions revoked")

    for partition in range(4):
        kafka.write(topic, *(f"{partition}.{number}" for number in range(20)), partition=partition)

    eventually(lambda: len(endpoint.values) >= 80)
    assert sorted(endpoint.values) == sorted(f"{p}.{n}" for p in range(4) for n in range(20))
    eventually(first.invocations)
    eventually(second.invocations)


def test_a_rebalance_waits_for_the_batch_that_is_out_and_nothing_is_lost(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    gate = threading.Event()
    endpoint.answer = lambda _: OK if gate.wait(30) else ERROR
    for partition in range(4):
        kafka.write(topic, "out", partition=partition)
    document = template({"M": mapping(topic, BatchSize=1)})
    first = esm(document, "--endpoint", endpoint.url).ready()
    eventually(lambda: len(endpoint.out) == 4)

    second = esm(document, "--endpoint", endpoint.url)
    first.find("partitions to be revoked")
    for partition in range(4):
        kafka.write(topic, "later", partition=partition)
    assert "partitions revoked" not in first.text
    gate.set()
    second.find(r"partitions assigned .* partitions=\d")

    eventually(lambda: endpoint.values.count("later") == 4)
    assert endpoint.values.count("out") == 4, (
        "what was out has been committed before it changed hands"
    )
    eventually(lambda: kafka.committed(group_of(topic), topic) == dict.fromkeys(range(4), 2))
    assert first.running


def test_what_a_killed_command_had_out_goes_to_the_other(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    def answer(_: Call) -> Reply:
        return OK if gate.wait(30) else ERROR

    gate = threading.Event()
    endpoint.answer = answer
    document = template({"M": mapping(topic)})
    first = esm(document, "--endpoint", endpoint.url).ready()
    kafka.write(topic, "x", partition=0)
    eventually(lambda: endpoint.out)
    esm(document, "--endpoint", endpoint.url).ready()

    first.kill()
    gate.set()

    eventually(lambda: endpoint.values.count("x") == 2, timeout=60)
    eventually(lambda: kafka.committed(group_of(topic), topic) == {0: 1})
