"""Freeze and thaw: Lambda stops all threads between invocations, and connections die meanwhile."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from redis import Redis

from local.process import Process
from shared.contract.topics import GATEWAY_REPLY
from tests.lambda_runtime import api_gateway
from tests.lambda_runtime.brokers import CuttableBroker
from tests.lambda_runtime.conftest import Start
from tests.lambda_runtime.emulator import Environment
from tests.person import PASSWORD
from tests.services import Inbox, eventually


@pytest.fixture(scope="module")
def gateway(start: Start) -> Environment:
    return start("GatewayFunction")


@pytest.fixture(scope="module")
def user(start: Start, trigger: Callable[..., Process]) -> Environment:
    environment = start("UserFunction")
    trigger("UserFunction", environment)
    return environment


@pytest.fixture
def api(gateway: Environment, user: Environment) -> Iterator[httpx.Client]:
    with api_gateway.client(gateway.invoke) as client:
        assert client.get("/health/ready").json()["checks"]["user"] == "up"
        yield client


def register(api: httpx.Client) -> str:
    email = f"{uuid.uuid4().hex}@example.com"
    answer = api.post("/api/v1/auth/register", json={"email": email, "password": PASSWORD})
    assert answer.status_code == 201, answer.text
    assert answer.json()["user"]["email"] == email
    return email


def login(api: httpx.Client, email: str) -> None:
    answer = api.post("/api/v1/auth/login", json={"email": email, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    assert answer.json()["user"]["email"] == email


def cut_broker(broker: CuttableBroker, *_: str) -> None:
    broker.cut()


def cut_redis(_: CuttableBroker, redis_url: str, __: str) -> None:
    with Redis.from_url(redis_url) as redis:
        redis.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


def cut_postgres(_: CuttableBroker, __: str, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        killed = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'user'"
        ).fetchall()
    assert killed


def cut_all(broker: CuttableBroker, redis_url: str, database_url: str) -> None:
    for cut in (cut_broker, cut_redis, cut_postgres):
        cut(broker, redis_url, database_url)


@pytest.mark.parametrize("cut", [cut_broker, cut_redis, cut_postgres, cut_all])
def test_the_first_request_after_a_thaw_is_answered_though_connections_died(
    cut: Callable[[CuttableBroker, str, str], None],
    api: httpx.Client,
    gateway: Environment,
    user: Environment,
    own_broker: CuttableBroker,
    redis_url: str,
    database_url: str,
) -> None:
    email = register(api)
    gateway.freeze()
    user.freeze()

    cut(own_broker, redis_url, database_url)

    user.thaw()
    gateway.thaw()
    login(api, email)


def test_replies_that_came_during_the_freeze_are_nobody_elses(
    api: httpx.Client, gateway: Environment, own_broker: CuttableBroker
) -> None:
    first, second = register(api), register(api)
    login(api, first)
    gateway.freeze()

    repeat_all_replies(own_broker)

    gateway.thaw()
    login(api, second)
    login(api, first)


def test_a_long_freeze_does_not_make_the_next_request_read_what_came_meanwhile(
    api: httpx.Client, gateway: Environment, own_broker: CuttableBroker
) -> None:
    email = register(api)
    gateway.freeze()
    frozen_at = time.monotonic()
    eventually(lambda: time.monotonic() - frozen_at > 5.5)  # longer than it may sleep
    repeat_all_replies(own_broker)

    gateway.thaw()

    login(api, email)


def test_a_broker_that_is_away_at_the_thaw_is_told_in_time_and_used_when_it_is_back(
    api: httpx.Client, gateway: Environment, own_broker: CuttableBroker
) -> None:
    email = register(api)
    gateway.freeze()
    own_broker.go_down()
    gateway.thaw()

    answer = api.post("/api/v1/auth/login", json={"email": email, "password": PASSWORD})
    own_broker.come_up()

    assert answer.status_code == 503
    assert answer.headers["retry-after"]

    def works() -> bool:
        login(api, email)
        return True

    assert eventually(works)


def test_a_mail_is_sent_once_after_a_thaw_without_redis_connections(
    start: Start,
    trigger: Callable[..., Process],
    api: httpx.Client,
    own_broker: CuttableBroker,
    redis_url: str,
    inbox: Inbox,
) -> None:
    notification = start("NotificationFunction")
    trigger("NotificationFunction", notification)
    first = register(api)
    eventually(lambda: inbox.to(first))
    notification.freeze()
    cut_redis(own_broker, redis_url, "")
    second = register(api)

    notification.thaw()

    eventually(lambda: inbox.to(second))
    assert len(inbox.to(first)) == len(inbox.to(second)) == 1


def test_a_runtime_that_dies_in_mid_transaction_loses_and_repeats_nothing(
    api: httpx.Client, user: Environment, database_url: str
) -> None:
    email = f"{uuid.uuid4().hex}@example.com"
    body = {"email": email, "password": PASSWORD}
    with ThreadPoolExecutor(1) as pool, psycopg.connect(database_url) as held:
        held.execute("LOCK TABLE users")
        registering = pool.submit(api.post, "/api/v1/auth/register", json=body)
        eventually(lambda: waiting_for_a_lock(database_url))
        user.runtime.kill()
        held.rollback()
        answer = registering.result()

    assert answer.status_code == 201, answer.text
    login(api, email)
    with psycopg.connect(database_url) as connection:
        found = connection.execute("SELECT count(*) FROM users WHERE email = %s", (email,))
        assert found.fetchone() == (1,)


def waiting_for_a_lock(database_url: str) -> bool:
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE application_name = 'user' AND wait_event_type = 'Lock'"
        ).fetchone()
    return found != (0,)


def repeat_all_replies(broker: CuttableBroker) -> None:
    """Write every reply that there has been once more, to every partition."""
    consumer = Consumer(
        {"bootstrap.servers": broker.address, "group.id": "repeat", "fetch.wait.max.ms": 5}
    )
    partitions = list(consumer.list_topics(GATEWAY_REPLY).topics[GATEWAY_REPLY].partitions)
    places = [TopicPartition(GATEWAY_REPLY, number, 0) for number in partitions]
    ends = sum(consumer.get_watermark_offsets(place)[1] for place in places)
    consumer.assign(places)
    replies = consumer.consume(ends, timeout=10)
    consumer.close()
    assert replies
    producer = Producer({"bootstrap.servers": broker.address})
    for reply in replies:
        for number in partitions:
            producer.produce(
                GATEWAY_REPLY, reply.value(), partition=number, headers=reply.headers()
            )
    assert producer.flush(10) == 0
