"""Effects happen once, on a real Redis, whatever dies on the way."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable

import pytest
from redis import Redis

from local.process import Process
from notification.idempotency import RedisIdempotency
from shared.contract.errors import Unavailable

LEASE_S = 0.6


class Died(BaseException):
    """As if the process had been killed here: nobody gets to clean up."""


class Effect:
    """Counts how often it has happened."""

    def __init__(self, during: Callable[[], object] = lambda: None) -> None:
        self.times = 0
        self._during = during

    def __call__(self) -> None:
        self._during()
        self.times += 1


def a_minute() -> float:
    return 60.0


def idempotency(redis: Redis, lease_s: float = LEASE_S) -> RedisIdempotency:
    return RedisIdempotency(redis, lease_s=lease_s, remember_s=3600)


def fail(error: BaseException) -> Callable[[], None]:
    def during() -> None:
        raise error

    return during


def test_an_effect_happens_once(redis: Redis) -> None:
    effect = Effect()
    assert idempotency(redis).run_once("k1", effect, a_minute) is True
    assert idempotency(redis).run_once("k1", effect, a_minute) is False
    assert effect.times == 1


def test_another_name_is_another_effect(redis: Redis) -> None:
    effect, marks = Effect(), idempotency(redis)
    assert all(marks.run_once(name, effect, a_minute) for name in ("k1", "k2"))
    assert effect.times == 2


def test_an_effect_that_failed_can_be_had_at_once(redis: Redis) -> None:
    marks = idempotency(redis)
    with pytest.raises(Unavailable, match="no server"):
        marks.run_once("k1", Effect(fail(Unavailable("no server"))), a_minute)
    effect = Effect()
    assert marks.run_once("k1", effect, a_minute) is True
    assert effect.times == 1


def test_two_at_the_same_time_wait_for_each_other(redis: Redis) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def during() -> None:
        begun.set()
        go_on.wait()

    effect = Effect(during)
    answers: list[bool] = []
    one, two = (
        threading.Thread(
            target=lambda: answers.append(
                idempotency(redis, lease_s=30).run_once("k1", effect, a_minute)
            )
        )
        for _ in range(2)
    )
    one.start()
    begun.wait()
    two.start()
    go_on.set()
    one.join()
    two.join()
    assert sorted(answers) == [False, True]
    assert effect.times == 1


def test_what_a_dead_process_had_begun_is_done_when_its_lease_is_over(redis: Redis) -> None:
    marks = idempotency(redis)
    with pytest.raises(Died):
        marks.run_once("k1", Effect(fail(Died())), a_minute)
    effect = Effect()
    assert marks.run_once("k1", effect, a_minute) is True
    assert effect.times == 1
    assert marks.run_once("k1", effect, a_minute) is False


def test_what_a_dead_process_had_begun_is_left_to_the_next_delivery_when_time_is_short(
    redis: Redis,
) -> None:
    marks = idempotency(redis, lease_s=3600)
    with pytest.raises(Died):
        marks.run_once("k1", Effect(fail(Died())), lambda: 7200)
    until = time.monotonic() + 3600.3
    effect = Effect()
    with pytest.raises(Unavailable, match="little time"):
        marks.run_once("k1", effect, lambda: until - time.monotonic())
    assert effect.times == 0


def test_nothing_is_begun_that_the_time_left_does_not_allow(redis: Redis) -> None:
    effect = Effect()
    with pytest.raises(Unavailable, match="little time"):
        idempotency(redis).run_once("k1", effect, lambda: LEASE_S / 2)
    assert effect.times == 0
    assert redis.keys() == []


def test_redis_keeps_a_digest_and_forgets_it_in_time(redis: Redis) -> None:
    idempotency(redis).run_once("secret-name", Effect(), a_minute)
    (key,) = redis.keys()
    prefix, _, digest = str(key).partition("#")
    assert (prefix, len(digest)) == ("notification", 64)  # SHA-256; Powertools' default is MD5
    kept = str(redis.get(key))
    assert json.loads(kept).keys() == {"data", "status", "expiration"}
    assert "secret-name" not in f"{key!r}{kept}"
    assert 0 < redis.ttl(key) <= 3600


def test_without_redis_nothing_is_sent_and_the_record_comes_again(
    mortal_redis: tuple[str, Process],
) -> None:
    url, process = mortal_redis
    process.kill()
    client = Redis.from_url(url)
    effect = Effect()
    with pytest.raises(Unavailable, match="Redis is away"):
        idempotency(client).run_once("k1", effect, a_minute)
    assert effect.times == 0
    client.close()


def test_what_was_sent_counts_as_done_even_when_redis_goes_away_meanwhile(
    mortal_redis: tuple[str, Process], caplog: pytest.LogCaptureFixture
) -> None:
    url, process = mortal_redis
    client = Redis.from_url(url)
    effect = Effect(process.kill)
    with caplog.at_level(logging.WARNING):
        assert idempotency(client).run_once("k1", effect, a_minute) is True
    assert effect.times == 1
    assert caplog.messages == ["sent, but Redis is away to remember it"]
    client.close()


def test_an_effect_that_failed_fails_also_when_redis_goes_away_meanwhile(
    mortal_redis: tuple[str, Process],
) -> None:
    url, process = mortal_redis
    client = Redis.from_url(url)

    def during() -> None:
        process.kill()
        raise Unavailable("no server")

    with pytest.raises(Unavailable):
        idempotency(client).run_once("k1", Effect(during), a_minute)
    client.close()


def test_a_connection_that_redis_closed_is_replaced(redis: Redis, redis_url: str) -> None:
    client = Redis.from_url(redis_url)
    marks, effect = idempotency(client), Effect()
    marks.run_once("k1", effect, a_minute)
    redis.client_kill_filter(_type="normal", skipme=True)
    marks.run_once("k2", effect, a_minute)
    assert effect.times == 2
    client.close()
