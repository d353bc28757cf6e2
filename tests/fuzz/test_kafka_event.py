"""Any batch that a topic could bring: each record is answered or listed, and none is lost."""

from __future__ import annotations

import itertools
import json
import string
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from local.keys import Keys
from shared.bus.producer import reader_config
from shared.config.settings import KafkaSettings
from shared.contract import topics
from tests.services import eventually
from user.bootstrap import build
from user.settings import Settings

TOPICS = [
    topics.USER_REGISTER,
    topics.USER_VALIDATE,
    topics.USER_FIND,
    topics.USER_UPDATE,
    topics.USER_SESSION,
    topics.USER_DELETE,
    "user.unheard-of",
]
ACTIONS = [
    "refresh", "end", "list", "answer-challenge", "change-password", "forgot-password",
    "reset-password", "verify-email", "send-verification", "change-email", "enrol-totp",
    "confirm-totp", "renew-recovery-codes", "remove-totp", "delete", "export", "unheard-of",
]  # fmt: skip
MEMBERS = [
    "action", "id", "session", "email", "password", "name", "token", "code", "secret", "current",
    "new", "which", "refreshTokenHash", "successor", "challenge", "client", "welcome",
    "verification", "recoveryHashes",
]  # fmt: skip
_offsets = itertools.count()

Function = Callable[[Mapping[str, Any]], dict[str, Any]]

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
likely = st.sampled_from(["ada@example.com", "0" * 64, "id-1", "2026-11-22T10:00:00Z", *ACTIONS])
sealed = st.fixed_dictionaries({"kid": st.text(), "sealed": st.text(string.printable)})
values = st.recursive(scalars | likely | sealed, st.lists, max_leaves=5)
messages = st.dictionaries(st.sampled_from(MEMBERS), values, max_size=8).map(
    lambda message: json.dumps(message).encode()
)
contents = st.none() | st.binary() | st.text().map(str.encode) | messages
headers = st.dictionaries(
    st.sampled_from(["deadline", "traceparent", "idempotency-key", "x-request-id", "x"]),
    st.binary(max_size=40) | st.sampled_from([b"0", b"9999999999999", b"-1", b"1e400"]),
    max_size=3,
)


class Batches:
    """The user function, with a correlation id for each record, and what it replied."""

    def __init__(self, function: Function, broker: str) -> None:
        self._function = function
        self._settings = KafkaSettings(kafka_bootstrap_servers=broker, kafka_fetch_wait_ms=5)
        self._replies = Consumer(reader_config(self._settings))
        place = TopicPartition(topics.GATEWAY_REPLY, 0)
        place.offset = self._replies.get_watermark_offsets(place, timeout=30)[1]
        self._replies.assign([place])
        self._heard: set[bytes] = set()

    def run(self, records: list[dict[str, Any]]) -> set[int]:
        """Carry out a batch; the offsets that are to be delivered again."""
        groups = itertools.groupby(records, key=lambda record: f"{record['topic']}-0")
        event: dict[str, list[dict[str, Any]]] = {}
        for partition, found in groups:
            event.setdefault(partition, []).extend(found)
        response = self._function({"eventSource": "aws:kafka", "records": event})
        listed = [each["itemIdentifier"] for each in response["batchItemFailures"]]
        return {each["offset"] for each in listed}

    def has_answered(self, correlation_id: bytes) -> bool:
        for message in self._replies.consume(100, 0.01):
            self._heard.add(dict(message.headers() or ())["kafka_correlationId"])  # type: ignore[arg-type] # ours are bytes
        return correlation_id in self._heard

    def close(self) -> None:
        self._replies.close()


@pytest.fixture(scope="module")
def batches(broker: str, database_url: str, keys: Keys) -> Iterator[Batches]:
    function = build(
        Settings(
            kafka_bootstrap_servers=broker,
            kafka_fetch_wait_ms=5,
            database_url=database_url,
            user_private_keys=keys.user.to_json(),
            accept_plain_secrets=True,
            bcrypt_cost=4,
        )
    )
    batches = Batches(function, broker)
    yield batches
    batches.close()


def record(
    topic: str, key: bytes | None, value: bytes | None, headers: Mapping[str, bytes]
) -> dict[str, Any]:
    """One record as AWS's event has it."""
    shown = [{name: list(raw)} for name, raw in headers.items()]
    parts = {"key": key, "value": value}
    return {
        "topic": topic,
        "partition": 0,
        "offset": next(_offsets),
        "timestamp": int(time.time() * 1000),
        "timestampType": "CREATE_TIME",
        "headers": shown,
        **{name: b64encode(part).decode() for name, part in parts.items() if part is not None},
    }


def asking(headers: Mapping[str, bytes]) -> dict[str, bytes]:
    """The same headers on a record that wants an answer."""
    ours = {
        "kafka_correlationId": f"fuzz-{next(_offsets)}".encode(),
        "kafka_replyTopic": topics.GATEWAY_REPLY.encode(),
        "kafka_replyPartition": b"0",
    }
    return {**headers, **ours}


many = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
anything = st.tuples(st.sampled_from(TOPICS), st.none() | st.binary(max_size=8), contents, headers)


@many
@given(st.lists(anything, min_size=1, max_size=5))
@example([("user.register", None, b'{"email":"a@b","password":"correct horse"}', {})])
def test_every_record_that_asks_is_answered_or_listed(
    batches: Batches, given: list[tuple[str, bytes | None, bytes | None, dict[str, bytes]]]
) -> None:
    records, names = [], {}
    for topic, key, value, some in given:
        full = asking(some)
        records.append(record(topic, key, value, full))
        if not _expired(full):
            names[records[-1]["offset"]] = full["kafka_correlationId"]

    listed = batches.run(records)

    assert listed <= {each["offset"] for each in records}
    for offset, name in names.items():
        if offset not in listed:
            eventually(lambda name=name: batches.has_answered(name))  # type: ignore[misc] # bound


@many
@given(st.lists(anything, min_size=1, max_size=5))
def test_an_event_that_cannot_be_read_is_listed(
    batches: Batches, given: list[tuple[str, bytes | None, bytes | None, dict[str, bytes]]]
) -> None:
    records = [record(*each) for each in given]

    listed = batches.run(records)

    unreadable = {
        each["offset"]
        for each, (_, _, value, some) in zip(records, given, strict=True)
        if not _is_object(value) and not _expired(some)
    }
    assert unreadable <= listed


def _expired(headers: Mapping[str, bytes]) -> bool:
    try:
        return int(headers["deadline"]) < time.time() * 1000
    except (KeyError, ValueError):
        return False


def _is_object(value: bytes | None) -> bool:
    try:
        return isinstance(json.loads(value or b""), dict)
    except ValueError:
        return False
