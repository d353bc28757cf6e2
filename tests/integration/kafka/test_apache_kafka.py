"""Apache Kafka without a container: data stay, a node may be lost, nothing is left behind."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from local.process import Group, Process
from local.services.apache_kafka import ApacheKafka, command
from shared.bus.topic_admin import ensure_topics
from shared.contract.topics import Topic

pytestmark = pytest.mark.apache

_TOPIC = Topic("things", 1, 3_600_000)


def write(kafka: ApacheKafka, value: bytes) -> None:
    """Return when the record is acknowledged by every in-sync replica."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "acks": "all"})
    errors: list[object] = []
    producer.produce(_TOPIC.name, value, on_delivery=lambda error, _: errors.append(error))
    assert producer.flush(30) == 0
    assert errors == [None]


def read_all(kafka: ApacheKafka, count: int) -> list[bytes | None]:
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": "unused"})
    consumer.assign([TopicPartition(_TOPIC.name, 0, 0)])
    found = [record.value() for record in consumer.consume(count, timeout=30)]
    consumer.close()
    return found


def test_what_was_written_is_there_after_a_restart_and_after_a_crash(tmp_path: Path) -> None:
    with ApacheKafka(tmp_path) as kafka:
        ensure_topics(AdminClient({"bootstrap.servers": kafka.bootstrap_servers}), [_TOPIC])
        write(kafka, b"before the restart")
        kafka.stop()
        kafka.start()
        write(kafka, b"before the crash")
        kafka.kill()
        kafka.start()

        assert read_all(kafka, 2) == [b"before the restart", b"before the crash"]


def test_one_of_three_nodes_may_be_lost(tmp_path: Path) -> None:
    with ApacheKafka(tmp_path, brokers=3) as kafka:
        admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
        ensure_topics(admin, [_TOPIC])
        write(kafka, b"with all three")
        leader = admin.list_topics(timeout=30).topics[_TOPIC.name].partitions[0].leader
        kafka.kill(leader)
        write(kafka, b"without its leader")
        kafka.start(leader)

        assert read_all(kafka, 2) == [b"with all three", b"without its leader"]


def test_nothing_is_left_when_the_process_that_started_it_is_killed(tmp_path: Path) -> None:
    with Group() as group:
        parent = Process(command(tmp_path), group)
        parent.wait_ready(60)
        left = psutil.Process(parent.pid).children(recursive=True)
        assert any("kafka.Kafka" in process.cmdline() for process in left)

        parent.kill()

        _, alive = psutil.wait_procs(left, timeout=30)
        assert alive == []
