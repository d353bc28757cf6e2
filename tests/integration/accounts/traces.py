"""All that a running system leaves behind: records, log lines, rows, Redis values."""

from __future__ import annotations

import itertools
import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

import psycopg
import redis
from confluent_kafka import Consumer, TopicPartition

from shared.bus.producer import reader_config
from shared.config.settings import KafkaSettings
from shared.contract.topics import TOPICS
from tests.services import System

Trace = tuple[str, bytes]
"""Where it was found, and what."""


def records(broker: str) -> Iterator[Trace]:
    """Every record of every topic, from the first offset: key, headers, value."""
    consumer = Consumer(
        reader_config(KafkaSettings(kafka_bootstrap_servers=broker, kafka_fetch_wait_ms=5))
    )
    try:
        for topic in TOPICS:
            for partition in range(topic.partitions):
                yield from _partition(consumer, TopicPartition(topic.name, partition))
    finally:
        consumer.close()


def _partition(consumer: Consumer, place: TopicPartition) -> Iterator[Trace]:
    first, end = consumer.get_watermark_offsets(place, timeout=30)
    consumer.assign([TopicPartition(place.topic, place.partition, first)])
    left = end - first
    while left > 0:
        for message in consumer.consume(left, 1):
            assert message.error() is None
            left -= 1
            headers = dict(message.headers() or ())
            parts = [message.key(), message.value(), *headers.values()]
            found = [part for part in parts if isinstance(part, bytes)]
            yield f"{place.topic}[{message.offset()}]", b"\n".join(found)


def log_lines(system: System) -> Iterator[Trace]:
    """Every line that a process has written."""
    for name, lines in system.output.items():
        for line in lines:
            yield f"log of {name}", line.encode()


def rows(database_url: str) -> Iterator[Trace]:
    """Every row of every table."""
    with psycopg.connect(database_url) as connection:
        tables = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        ).fetchall()
        for (table,) in tables:
            query = psycopg.sql.SQL("SELECT t::text FROM {} t").format(
                psycopg.sql.Identifier(table)
            )
            for (row,) in connection.execute(query):
                yield f"table {table}", row.encode()


def redis_values(url: str) -> Iterator[Trace]:
    """Every key of Redis, with what it holds."""
    readers: dict[bytes, Callable[[redis.Redis, bytes], Iterable[Any]]] = {
        b"string": lambda client, key: [client.get(key)],
        b"hash": lambda client, key: itertools.chain(*client.hgetall(key).items()),
        b"list": lambda client, key: client.lrange(key, 0, -1),
        b"set": lambda client, key: client.smembers(key),
        b"zset": lambda client, key: client.zrange(key, 0, -1),
    }
    with redis.Redis.from_url(url) as client:
        for key in client.scan_iter():
            values = readers[client.type(key)](client, key)
            yield f"redis {key!r}", b"\n".join([key, *(each or b"" for each in values)])


def forms(secret: str) -> set[bytes]:
    """Return a secret in each form: plain, escaped, percent-encoded, hex, base64 anywhere."""
    raw = secret.encode()
    found = {raw, raw.hex().encode(), quote(secret).encode(), quote_plus(secret).encode()}
    found |= {json.dumps(secret)[1:-1].encode(), repr(secret)[1:-1].encode()}
    for encode, before in itertools.product((b64encode, urlsafe_b64encode), range(3)):
        # Inside a longer text, base64 depends on the place; its first and last characters also on
        # the neighbours, so those are left out.
        encoded = encode(b"\x00" * before + raw).rstrip(b"=")
        found.add(encoded[4 if before else 0 : -1])
    return found


def finds(secret: str, trace: bytes) -> bool:
    """Whether a trace tells a secret."""
    if secret.isdigit():  # six digits are in many numbers: only by themselves they are a code
        return re.search(rb"(?<![\w.:+-])" + secret.encode() + rb"(?![\w.])", trace) is not None
    lowered = trace.lower()
    return any(form.lower() in lowered for form in forms(secret))
