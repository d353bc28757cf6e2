"""The embedded broker behaves as a broker over TCP."""

from __future__ import annotations

from uuid import uuid4

from confluent_kafka import Consumer, Message, Producer
from confluent_kafka.admin import AdminClient

from shared.contract.topics import GATEWAY_REPLY, TOPICS
from tests.services import eventually


def test_it_has_the_topics_of_the_system_with_their_partitions(broker: str) -> None:
    found = AdminClient({"bootstrap.servers": broker}).list_topics(timeout=30).topics
    assert {topic.name: topic.partitions for topic in TOPICS} == {
        topic.name: len(found[topic.name].partitions) for topic in TOPICS
    }


def test_a_record_arrives_with_key_value_and_headers(broker: str) -> None:
    key = uuid4().bytes
    _produce(broker, GATEWAY_REPLY, key, [("name", b"\x00\xff")])
    consumer = _consumer(broker)
    consumer.subscribe([GATEWAY_REPLY])
    record = _first_with(consumer, key)
    consumer.close()
    assert (record.value(), record.headers()) == (b"value", [("name", b"\x00\xff")])


def test_the_next_of_a_group_goes_on_behind_what_was_committed(broker: str) -> None:
    topic, group = GATEWAY_REPLY, uuid4().hex
    for key in (b"first", b"second"):
        _produce(broker, topic, key, [])
        consumer = _consumer(broker, group)
        consumer.subscribe([topic])
        record = _first_with(consumer, key)
        consumer.commit(message=record, asynchronous=False)
        consumer.close()


def _produce(
    broker: str, topic: str, key: bytes, headers: list[tuple[str, str | bytes | None]]
) -> None:
    producer = Producer({"bootstrap.servers": broker, "linger.ms": 0})
    producer.produce(topic, b"value", key, headers=headers)
    assert producer.flush(10) == 0


def _consumer(broker: str, group: str | None = None) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": broker,
            "group.id": group or uuid4().hex,
            "group.protocol": "consumer",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 5,
        }
    )


def _first_with(consumer: Consumer, key: bytes) -> Message:
    def look() -> list[Message]:  # many at a time: other tests have written here too
        return [record for record in consumer.consume(500, 0.1) if record.key() == key]

    return eventually(look)[0]
