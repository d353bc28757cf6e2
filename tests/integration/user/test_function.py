"""The user function as Lambda runs it: AWS's event in, effects in PostgreSQL, replies in Kafka."""

from __future__ import annotations

import base64
import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import psycopg
import pytest
from confluent_kafka import Consumer, Message, TopicPartition

from local import ports
from local.keys import Keys
from shared.bus.producer import reader_config
from shared.config.settings import KafkaSettings
from shared.contract import topics
from shared.security.sealing import Sealer
from tests.person import PASSWORD
from tests.services import eventually
from user.bootstrap import build
from user.settings import Settings

REPLIES = topics.GATEWAY_REPLY
_offsets = itertools.count()

Function = Callable[[Mapping[str, Any]], dict[str, Any]]


@pytest.fixture(scope="module")
def settings(broker: str, function_database_url: str, keys: Keys) -> Settings:
    return Settings(
        kafka_bootstrap_servers=broker,
        kafka_fetch_wait_ms=5,
        kafka_delivery_timeout_ms=5_000,
        database_url=function_database_url,
        user_private_keys=keys.user.to_json(),
        bcrypt_cost=4,
    )


@pytest.fixture(scope="module")
def function(settings: Settings) -> Function:
    return build(settings)


@pytest.fixture(scope="module")
def seal(keys: Keys) -> Callable[..., dict[str, str]]:
    sealer = Sealer(keys.user.public())

    def seal(secret: str, topic: str, correlation_id: str) -> dict[str, str]:
        sealed = sealer.seal(secret, topic=topic, field="password", correlation_id=correlation_id)
        found: dict[str, str] = msgspec.to_builtins(sealed)
        return found

    return seal


class Replies:
    """Reads a partition of the reply topic from where it ends now."""

    def __init__(self, broker: str) -> None:
        settings = KafkaSettings(kafka_bootstrap_servers=broker, kafka_fetch_wait_ms=5)
        self._consumer = Consumer(reader_config(settings))
        place = TopicPartition(REPLIES, 0)
        place.offset = self._consumer.get_watermark_offsets(place, timeout=30)[1]
        self._consumer.assign([place])

    def next(self, correlation_id: str) -> Message:
        def find() -> list[Message]:  # a message alone is false when its value is null
            wanted = correlation_id.encode()
            return [
                message
                for message in self._consumer.consume(1, 0.1)
                if dict(message.headers() or ())["kafka_correlationId"] == wanted
            ]

        return eventually(find)[0]

    def rest(self) -> list[Message]:
        return self._consumer.consume(100, 0.3)

    def close(self) -> None:
        self._consumer.close()


@pytest.fixture
def replies(broker: str) -> Iterator[Replies]:
    replies = Replies(broker)
    yield replies
    replies.close()


def raw(
    topic: str, message: object, headers: Mapping[str, str], *, key: str = "k"
) -> dict[str, Any]:
    value = message if isinstance(message, bytes) else json.dumps(message).encode()
    return {
        "topic": topic,
        "partition": 0,
        "offset": next(_offsets),
        "timestamp": int(time.time() * 1000),
        "timestampType": "CREATE_TIME",
        "key": base64.b64encode(key.encode()).decode(),
        "value": base64.b64encode(value).decode(),
        "headers": [{name: list(text.encode())} for name, text in headers.items()],
    }


def event(*records: dict[str, Any]) -> dict[str, Any]:
    return {"eventSource": "SelfManagedKafka", "records": {"t-0": list(records)}}


def asking(correlation_id: str, **other: str) -> dict[str, str]:
    return {
        "kafka_correlationId": correlation_id,
        "kafka_replyTopic": REPLIES,
        "kafka_replyPartition": "0",
        **other,
    }


def users_with(database_url: str, email: str) -> int:
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM users WHERE lower(email) = lower(%s)", (email,)
        ).fetchone()
    assert row
    count: int = row[0]
    return count


def registration(
    seal: Callable[..., dict[str, str]], email: str, correlation_id: str, **headers: str
) -> dict[str, Any]:
    message = {"email": email, "password": seal(PASSWORD, topics.USER_REGISTER, correlation_id)}
    return raw(topics.USER_REGISTER, message, asking(correlation_id, **headers), key=email)


def test_a_command_is_answered_as_nestjs_answers(
    function: Function, seal: Callable[..., dict[str, str]], replies: Replies
) -> None:
    assert function(event(registration(seal, "a1@example.com", "a1"))) == {"batchItemFailures": []}

    reply = replies.next("a1")
    headers = dict(reply.headers() or ())
    assert reply.key() is None
    assert headers == {"kafka_correlationId": b"a1", "kafka_nest-is-disposed": b"\x00"}
    user = json.loads(reply.value() or b"")
    assert user["email"] == "a1@example.com"
    assert "password" not in user


def test_a_refusal_has_a_null_value_and_the_error_header(
    function: Function, seal: Callable[..., dict[str, str]], replies: Replies
) -> None:
    function(event(registration(seal, "a2@example.com", "a2")))
    function(event(registration(seal, "a2@example.com", "a2-again")))

    reply = replies.next("a2-again")
    error = dict(reply.headers() or ())["kafka_nest-err"]
    assert reply.value() is None
    assert json.loads(error or "")["statusCode"] == 409


def test_a_command_delivered_twice_is_done_once_and_answered_twice_alike(
    function: Function,
    seal: Callable[..., dict[str, str]],
    replies: Replies,
    database_url: str,
) -> None:
    command = registration(seal, "b1@example.com", "b1")

    function(event(command))
    function(event(command))

    assert replies.next("b1").value() == replies.next("b1").value()
    assert users_with(database_url, "b1@example.com") == 1


def test_deliveries_at_the_same_time_are_done_once(
    function: Function,
    seal: Callable[..., dict[str, str]],
    replies: Replies,
    database_url: str,
) -> None:
    command = registration(seal, "b2@example.com", "b2")

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(function, [event(command)] * 4))

    assert answers == [{"batchItemFailures": []}] * 4
    assert len({replies.next("b2").value() for _ in range(4)}) == 1
    assert users_with(database_url, "b2@example.com") == 1


def test_a_refused_command_stays_refused(
    function: Function,
    seal: Callable[..., dict[str, str]],
    replies: Replies,
    database_url: str,
) -> None:
    function(event(registration(seal, "b3@example.com", "b3")))
    refused = registration(seal, "b3@example.com", "b3-second")
    function(event(refused))
    with psycopg.connect(database_url) as connection:
        connection.execute("DELETE FROM users WHERE email = 'b3@example.com'")

    function(event(refused))

    first, second = replies.next("b3-second"), replies.next("b3-second")
    assert first.headers() == second.headers()
    assert users_with(database_url, "b3@example.com") == 0


def test_what_the_sender_calls_the_same_is_the_same(
    function: Function, seal: Callable[..., dict[str, str]], replies: Replies, database_url: str
) -> None:
    for correlation_id in ("b4-1", "b4-2"):
        retry = registration(seal, "b4@example.com", correlation_id, **{"idempotency-key": "b4"})
        function(event(retry))

    assert replies.next("b4-1").value() == replies.next("b4-2").value()
    assert users_with(database_url, "b4@example.com") == 1


def test_a_command_past_its_deadline_is_not_run_and_not_answered(
    function: Function, seal: Callable[..., dict[str, str]], replies: Replies, database_url: str
) -> None:
    past = str(int(time.time() * 1000) - 1)

    answer = function(event(registration(seal, "c1@example.com", "c1", deadline=past)))

    assert answer == {"batchItemFailures": []}
    assert users_with(database_url, "c1@example.com") == 0
    assert replies.rest() == []


def test_a_command_that_happened_in_time_has_its_mail_sent_even_after_its_deadline(
    function: Function,
    seal: Callable[..., dict[str, str]],
    replies: Replies,
    broker: str,
    database_url: str,
) -> None:
    mails = Consumer(reader_config(KafkaSettings(kafka_bootstrap_servers=broker)))
    welcome = topics.NOTIFICATION_WELCOME

    def mails_asked_for() -> int:
        ends = (mails.get_watermark_offsets(TopicPartition(welcome, p)) for p in (0, 1, 2))
        return sum(end for _, end in ends)

    def delivered(deadline_ms: int) -> dict[str, Any]:
        message = {
            "email": "c2@example.com",
            "password": seal(PASSWORD, topics.USER_REGISTER, "c2"),
            "welcome": {"kid": "k", "sealed": "AAAA"},
        }
        return raw(topics.USER_REGISTER, message, asking("c2", deadline=str(deadline_ms)))

    before = mails_asked_for()
    now_ms = int(time.time() * 1000)
    function(event(delivered(now_ms + 60_000)))
    assert mails_asked_for() == before + 1

    function(event(delivered(now_ms - 1)))  # as after a crash between the commit and the mail

    assert mails_asked_for() == before + 2  # with one name: the notification function sends one
    assert replies.next("c2").value()
    assert replies.rest() == []
    assert users_with(database_url, "c2@example.com") == 1
    mails.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"kafka_replyTopic": "user.register"},
        {"kafka_replyTopic": "notification.send.email"},
        {"kafka_replyTopic": ".reply"},
        {"kafka_replyPartition": "9999"},
    ],
)
def test_a_reply_address_is_no_way_to_write_anywhere(
    function: Function, seal: Callable[..., dict[str, str]], broker: str, headers: dict[str, str]
) -> None:
    consumer = Consumer(reader_config(KafkaSettings(kafka_bootstrap_servers=broker)))

    def ends() -> dict[str, int]:
        return {
            name: consumer.get_watermark_offsets(TopicPartition(name, p), timeout=30)[1]
            for name in (topics.USER_REGISTER, topics.NOTIFICATION_EMAIL)
            for p in (0, 1, 2)
        }

    before = ends()
    name = f"d-{next(_offsets)}"
    hostile = registration(seal, f"{name}@example.com", name, **headers)

    assert function(event(hostile)) == {"batchItemFailures": []}
    assert ends() == before
    consumer.close()


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (b"no json", "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
        ({"email": "e@example.com", "password": "plain password"}, "must be sealed"),
        ({"email": "e@example.com", "password": {"kid": "?", "sealed": ""}}, "not known here"),
        ({"email": "e@example.com"}, "password"),
    ],
)
def test_poison_with_a_reply_address_is_answered_with_what_is_wrong(
    function: Function, replies: Replies, message: object, says: str
) -> None:
    name = f"p-{next(_offsets)}"

    assert function(event(raw(topics.USER_REGISTER, message, asking(name)))) == {
        "batchItemFailures": []
    }

    error = dict(replies.next(name).headers() or ())["kafka_nest-err"]
    assert json.loads(error or "")["statusCode"] == 400
    assert says in json.loads(error or "")["message"]


def test_poison_that_nobody_asked_about_goes_to_the_on_failure_destination(
    function: Function, seal: Callable[..., dict[str, str]], replies: Replies
) -> None:
    poison = raw(topics.USER_REGISTER, b"no json", {})
    good = registration(seal, "f1@example.com", "f1")

    assert function(event(poison, good))["batchItemFailures"] == [
        {"itemIdentifier": {"partition": "user.register-0", "offset": poison["offset"]}}
    ]
    assert replies.next("f1").value()


def test_a_tombstone_is_poison_and_not_a_crash(function: Function) -> None:
    tombstone = raw(topics.USER_UPDATE, b"", {})
    del tombstone["value"]

    assert len(function(event(tombstone))["batchItemFailures"]) == 1


def test_a_sealed_password_moved_to_another_message_does_not_open(
    function: Function, seal: Callable[..., dict[str, str]], replies: Replies, database_url: str
) -> None:
    stolen = seal(PASSWORD, topics.USER_REGISTER, "of-another-message")
    message = {"email": "g1@example.com", "password": stolen}

    function(event(raw(topics.USER_REGISTER, message, asking("g1"))))

    error = dict(replies.next("g1").headers() or ())["kafka_nest-err"]
    assert "cannot be opened" in str(error)
    assert users_with(database_url, "g1@example.com") == 0


def test_a_nestjs_peers_plain_password_is_taken_where_the_setting_allows(
    settings: Settings, replies: Replies
) -> None:
    lenient = build(msgspec.structs.replace(settings, accept_plain_secrets=True))
    message = {"email": "h1@example.com", "password": PASSWORD, "name": "Zoë"}

    lenient(event(raw(topics.USER_REGISTER, message, asking("h1"))))
    lenient(
        event(
            raw(
                topics.USER_VALIDATE,
                {"email": "h1@example.com", "password": PASSWORD},
                asking("h1-login"),
            )
        )
    )

    assert replies.next("h1").value() == replies.next("h1-login").value()


def test_a_short_password_is_refused_whoever_sends_it(
    function: Function, seal: Callable[..., dict[str, str]], replies: Replies
) -> None:
    message = {"email": "i1@example.com", "password": seal("short", topics.USER_REGISTER, "i1")}

    function(event(raw(topics.USER_REGISTER, message, asking("i1"))))

    assert "8 to 128" in str(dict(replies.next("i1").headers() or ())["kafka_nest-err"])


def test_without_a_database_a_record_is_delivered_again(
    settings: Settings, seal: Callable[..., dict[str, str]]
) -> None:
    nowhere = f"postgresql://app@127.0.0.1:{ports.any_free()}/app"
    cut_off = build(msgspec.structs.replace(settings, database_url=nowhere, database_timeout_s=0.3))
    command = registration(seal, "j1@example.com", "j1")

    assert cut_off(event(command))["batchItemFailures"] == [
        {"itemIdentifier": {"partition": "user.register-0", "offset": command["offset"]}}
    ]


def test_a_connection_that_died_while_frozen_is_not_used(
    function: Function, seal: Callable[..., dict[str, str]], replies: Replies, database_url: str
) -> None:
    function(event(registration(seal, "k1@example.com", "k1")))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(  # and wait for their end
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE application_name = 'user' AND pid <> pg_backend_pid()"
        )

    assert function(event(registration(seal, "k2@example.com", "k2"))) == {"batchItemFailures": []}
    assert replies.next("k2").value()


def test_two_updates_have_two_times_in_order(
    function: Function, seal: Callable[..., dict[str, str]], replies: Replies
) -> None:
    function(event(registration(seal, "l1@example.com", "l1")))
    user = json.loads(replies.next("l1").value() or b"")
    for name in ("l1-a", "l1-b"):
        function(event(raw(topics.USER_UPDATE, {"id": user["id"], "name": name}, asking(name))))

    first, second = (json.loads(replies.next(n).value() or b"") for n in ("l1-a", "l1-b"))
    assert user["updatedAt"] < first["updatedAt"] < second["updatedAt"]


def test_an_email_that_is_taken_cannot_be_moved_to(
    function: Function, seal: Callable[..., dict[str, str]], replies: Replies
) -> None:
    function(event(registration(seal, "m1@example.com", "m1")))
    function(event(registration(seal, "m2@example.com", "m2")))
    user = json.loads(replies.next("m2").value() or b"")

    move = {"id": user["id"], "email": "M1@example.com"}
    function(event(raw(topics.USER_UPDATE, move, asking("m2-move"))))

    error = dict(replies.next("m2-move").headers() or ())["kafka_nest-err"]
    assert json.loads(error or "")["code"] == "email-taken"
