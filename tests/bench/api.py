"""The API beside its baselines, measured in one run: ``make bench``.

Health and a cached profile stand beside a bare FastAPI route under the same server; a login beside
the rate at which this machine computes bcrypt at the same cost; a profile that is asked for over
Kafka beside a bare round trip over the same broker. On Apache Kafka, and where Node.js is, each
stands also beside a NestJS system that does the same.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import bcrypt
import httpx
from confluent_kafka import Consumer, Producer, TopicPartition

from local import keys as key_files
from local import ports
from local.environment import Addresses
from local.process import Command, Group, Process, module
from local.services import apache_kafka
from local.services import broker as embedded_kafka
from local.services import inbox as inbox_service
from local.services.postgres import Postgres
from local.services.redis import Redis
from shared.bus.producer import reader_config
from shared.config.settings import KafkaSettings
from shared.contract.topics import GATEWAY_REPLY
from tests.bench.load import Request, Result, load
from tests.bench.nestjs import system as nestjs
from tests.person import AUTH, PASSWORD
from tests.services import Inbox, System, migrate, start

_SECONDS = float(os.environ.get("SECONDS_EACH", "5"))
_APACHE = os.environ.get("KAFKA") == "apache"
_COST = 10  # enough that bcrypt is what a login waits for, little enough to count many
_COSTS = {"BCRYPT_COST": str(_COST), "BATCH_WORKERS": "4"}
_USERS = 50
_TRIPS = 300
_BARE = """
from fastapi import FastAPI
app = FastAPI()

@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}
"""


def main() -> None:
    """Start everything, measure, print."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        group = stack.enter_context(Group())
        folder.chmod(0o755)  # PostgreSQL, under root, has to reach its data
        addresses = _services(folder, group)
        parts = (addresses, key_files.make(), Inbox(addresses.inbox, addresses.smtp))
        no_cache = {"PROFILE_CACHE_SECONDS": "0", "REDIS_URL": addresses.redis.rstrip("0") + "1"}
        system, uncached = System(*parts, _COSTS), System(*parts, {**_COSTS, **no_cache})
        stack.callback(system.close)
        stack.callback(uncached.close)
        system.start()
        uncached.start("gateway")
        _write(f"broker: {'Apache Kafka' if _APACHE else 'embedded'}; {_SECONDS:.0f} s each\n")
        users = [_register(system, number) for number in range(_USERS)]
        ours = _compare(system, uncached, _bare_fastapi(folder, group), [u.token for u in users])
        if _APACHE and nestjs.built():
            _compare_with_nestjs(ours, nestjs.start(addresses, group), users)


class _User(NamedTuple):
    id: str
    token: str


class _Ours(NamedTuple):
    health: Result
    cached: Result
    asked: Result


def _compare(system: System, uncached: System, bare: str, users: list[str]) -> _Ours:
    route = _say("bare FastAPI route", _get(lambda _: Request(f"{bare}/health")))
    health = _say("health", _get(lambda _: Request(f"{system.url}/health")))
    cached = _say("cached profile", _get(lambda n: _profile(system, users, n)))
    rate = _bcrypt_rate()
    _write(f"{'raw bcrypt, cost ' + str(_COST):28} {rate:9.1f}/s")
    login = _say("login", _get(lambda n: _login(system, n)))
    trip_ms = _round_trip_ms(system.addresses)
    _write(f"{'bare round trip over Kafka':28} {'':11}  p50 {trip_ms:7.2f} ms")
    asked = _say("profile over Kafka", _get(lambda n: _profile(uncached, users, n), connections=1))
    _write(
        f"\nhealth         {health.per_second / route.per_second:5.2f} x a bare FastAPI route"
        f"\ncached profile {cached.per_second / route.per_second:5.2f} x a bare FastAPI route"
        f"\nlogin          {login.per_second / rate:5.2f} x raw bcrypt"
        f"\nover Kafka     {asked.p50_ms / trip_ms:5.2f} x a bare round trip; "
        f"p99 is {asked.p99_ms / asked.p50_ms:.1f} x p50"
    )
    return _Ours(health, cached, asked)


def _compare_with_nestjs(ours: _Ours, url: str, users: list[_User]) -> None:
    tokens = [nestjs.token(user.id) for user in users]

    def profile(path: str, number: int) -> Request:
        bearer = {"authorization": f"Bearer {tokens[number % len(tokens)]}"}
        return Request(f"{url}/{path}", headers=bearer | _client(number))

    _write("")
    health = _say("NestJS: health", _get(lambda _: Request(f"{url}/health")))
    cached = _say("NestJS: cached profile", _get(lambda n: profile("profile", n)))
    asked = _say(
        "NestJS: profile over Kafka", _get(lambda n: profile("uncached", n), connections=1)
    )
    _write(
        f"\nhealth         {ours.health.per_second / health.per_second:5.2f} x NestJS"
        f"\ncached profile {ours.cached.per_second / cached.per_second:5.2f} x NestJS"
        f"\nover Kafka     {ours.asked.p50_ms / asked.p50_ms:5.2f} x NestJS's p50"
    )


def _get(make: Callable[[int], Request], connections: int = 16) -> Result:
    return load(make, connections=connections, seconds=_SECONDS)


def _write(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _say(what: str, result: Result) -> Result:
    _write(
        f"{what:28} {result.per_second:9.1f}/s  p50 {result.p50_ms:7.2f} ms"
        f"  p99 {result.p99_ms:7.2f} ms"
    )
    return result


def _client(number: int) -> dict[str, str]:
    """Another address for every fifty requests: nobody reaches the rate limit."""
    client = number // 50
    return {"x-forwarded-for": f"198.18.{client >> 8 & 255}.{client & 255}"}


def _credentials(number: int) -> dict[str, str]:
    return {"email": f"bench-{number}@example.com", "password": PASSWORD}


def _register(system: System, number: int) -> _User:
    answer = httpx.post(f"{system.url}{AUTH}/register", json=_credentials(number), timeout=30)
    said = answer.raise_for_status().json()
    return _User(said["user"]["id"], said["accessToken"])


def _profile(system: System, tokens: list[str], number: int) -> Request:
    bearer = {"authorization": f"Bearer {tokens[number % len(tokens)]}"}
    return Request(f"{system.url}{AUTH}/profile", headers=bearer | _client(number))


def _login(system: System, number: int) -> Request:
    body = json.dumps(_credentials(number % _USERS)).encode()
    return Request(f"{system.url}{AUTH}/login", "POST", _client(number), body)


def _bcrypt_rate() -> float:
    """Hashes in a second with a thread for each core: bcrypt leaves the interpreter lock."""
    cores = os.cpu_count() or 1
    until = time.perf_counter() + _SECONDS

    def count() -> int:
        salt = bcrypt.gensalt(_COST)
        done = 0
        while time.perf_counter() < until:
            bcrypt.hashpw(PASSWORD.encode(), salt)
            done += 1
        return done

    with ThreadPoolExecutor(cores) as pool:
        return sum(pool.map(lambda _: count(), range(cores))) / _SECONDS


def _round_trip_ms(addresses: Addresses) -> float:
    """The median of: produce, consume on another thread, produce back, consume."""
    there, back = TopicPartition(GATEWAY_REPLY, 0), TopicPartition(GATEWAY_REPLY, 1)
    settings = KafkaSettings(
        kafka_bootstrap_servers=addresses.kafka,
        kafka_fetch_wait_ms=5 if addresses.embedded_broker else 500,
    )
    producer = Producer({"bootstrap.servers": addresses.kafka, "linger.ms": 0, "acks": "all"})
    asker, answerer = _reader(settings, back), _reader(settings, there)

    def answer() -> None:
        for _ in range(_TRIPS):
            answerer.poll(10)
            producer.produce(back.topic, b"{}", partition=back.partition)
            producer.poll(0)

    times = []
    with ThreadPoolExecutor(1) as pool:
        pool.submit(answer)
        for _ in range(_TRIPS):
            begun = time.perf_counter()
            producer.produce(there.topic, b"{}", partition=there.partition)
            asker.poll(10)
            times.append(time.perf_counter() - begun)
    producer.flush(10)
    asker.close()
    answerer.close()
    return statistics.median(times) * 1000


def _reader(settings: KafkaSettings, place: TopicPartition) -> Consumer:
    consumer = Consumer(reader_config(settings))
    end = consumer.get_watermark_offsets(place, timeout=30)[1]
    consumer.assign([TopicPartition(place.topic, place.partition, end)])
    return consumer


def _services(folder: Path, group: Group) -> Addresses:
    kafka = apache_kafka.command(folder / "kafka") if _APACHE else embedded_kafka.command()
    postgres = Postgres(folder / "postgres", ports.any_free(), "bench_test", durable=True)
    redis = Redis(folder / "redis", ports.any_free(), durable=False)
    postgres.prepare()
    redis.prepare()
    start(postgres.command(), group)
    start(redis.command(), group)
    migrate(postgres.url, group)
    mail = start(inbox_service.command(folder / "inbox"), group)[1]
    return Addresses(
        api="",
        inbox=mail["url"],
        kafka=start(kafka, group)[1]["address"],
        database=postgres.url,
        redis=redis.url,
        smtp=mail["smtp_url"],
        embedded_broker=not _APACHE,
    )


def _bare_fastapi(folder: Path, group: Group) -> str:
    (folder / "bare.py").write_text(_BARE)
    port = ports.any_free()
    options = ("--port", str(port), "--no-access-log", "--app-dir", str(folder))
    server = Command("bare", module("uvicorn", "bare:app", *options), os.environ, "running on")
    Process(server, group).wait_ready(30)
    return f"http://{ports.HOST}:{port}"


if __name__ == "__main__":
    main()
