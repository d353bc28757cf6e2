"""The units that AWS bills for so many requests and users; docs/cost.md has every formula."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from infra.cdk.environments import Environment
from infra.economics.cost import prices
from shared.contract.topics import TOPICS

HOURS: Final = 730
SECONDS: Final = HOURS * 3600
_GB: Final = 1e9

KafkaKind = Literal["serverless", "express", "own"]


class Mix(NamedTuple):
    """The clients' requests, as parts of all; the rest reads a cached profile.

    Attributes:
        login, register: one bcrypt hash each.
        command: other commands that go through Kafka: refresh, logout, change.
        mail: notifications per request.
    """

    login: float = 0.05
    register: float = 0.01
    command: float = 0.14
    mail: float = 0.02


class Work(NamedTuple):
    """Durations in seconds, and sizes in bytes.

    Attributes:
        bcrypt_s: a hash of cost 12 on one virtual CPU (``make bench`` measures it).
        command_s: a command in the user function without a hash.
        reply_s: the way to the user function and back.
        cached_s: a profile from the cache.
        mail_s: one mail.
        record_bytes: a record with headers, not compressed.
        response_bytes: an HTTP response with its headers.
        log_bytes: one request's lines in all logs.
        user_bytes: a user with sessions and indexes.
    """

    bcrypt_s: float = 0.25
    command_s: float = 0.01
    reply_s: float = 0.02
    cached_s: float = 0.005
    mail_s: float = 0.3
    record_bytes: int = 600
    response_bytes: int = 1_500
    log_bytes: int = 1_200
    user_bytes: int = 6_000


class Load(NamedTuple):
    """The load: requests a second, on average over the month; users stored."""

    rps: float
    users: int
    mix: Mix = Mix()
    work: Work = Work()

    @property
    def requests(self) -> float:
        """Requests in a month."""
        return self.rps * SECONDS

    @property
    def hashes(self) -> float:
        """bcrypt hashes in a month."""
        return self.requests * (self.mix.login + self.mix.register)

    @property
    def commands(self) -> float:
        """Requests that go through Kafka, in a month."""
        return self.requests * (self.mix.login + self.mix.register + self.mix.command)

    @property
    def mails(self) -> float:
        """Mails in a month."""
        return self.requests * self.mix.mail


class Line(NamedTuple):
    """One component: its cost without load, and the cost that the load adds (USD a month)."""

    component: str
    idle: float
    by_load: float

    @property
    def total(self) -> float:
        """Both, in USD a month."""
        return self.idle + self.by_load


def month(load: Load, stage: Environment, kafka: KafkaKind) -> list[Line]:
    """Return the bill of one month, by component.

    Args:
        kafka: ``own`` is Kafka, PostgreSQL and Redis that exist already. They and the network are
            not on this bill.
    """
    lines = [_api(load), _functions(load), _snapshots(), _pollers(), _secrets(kafka)]
    lines += [_watching(load, stage, kafka), _mail(load)]
    if stage.front:
        lines += [_front(load), _firewall(load)]
    if kafka != "own":
        lines += [_kafka(load, kafka), _database(load, stage), _proxy(load, stage)]
        lines += [_cache(load), _endpoints(stage)]
    return sorted(lines, key=lambda line: -line.total)


def mappings() -> int:
    """Return the number of topics that functions read."""
    return sum(1 for topic in TOPICS if not topic.name.endswith((".reply", ".failed")))


def _api(load: Load) -> Line:
    return Line("API Gateway", 0, load.requests * prices.API_REQUEST)


def _front(load: Load) -> Line:
    """Return the cost of CloudFront; each request also runs a function that notes its address."""
    each = prices.FRONT_REQUEST + prices.FRONT_FUNCTION
    each += load.work.response_bytes / _GB * prices.FRONT_OUT_GB
    return Line("CloudFront", 0, load.requests * each)


def _firewall(load: Load) -> Line:
    """Return the cost of three groups of AWS's rules, and of the limit for each address."""
    idle = prices.FIREWALL + 4 * prices.FIREWALL_RULE
    return Line("AWS WAF", idle, load.requests * prices.FIREWALL_REQUEST)


def _functions(load: Load) -> Line:
    """Return the cost of all invocations.

    At low load each command is an invocation of its own; batches only make it cheaper.
    """
    work = load.work
    cached = load.requests - load.commands
    gateway_s = cached * work.cached_s
    gateway_s += load.commands * (work.reply_s + work.command_s) + load.hashes * work.bcrypt_s
    user_s = load.commands * work.command_s + load.hashes * work.bcrypt_s
    gb_s = gateway_s * 1.0 + user_s * 1.769 + load.mails * work.mail_s * 1.0
    invocations = load.requests + load.commands + load.mails
    cost = gb_s * prices.LAMBDA_GB_S + invocations * prices.LAMBDA_REQUEST
    return Line("Lambda functions", 0, cost)


def _snapshots() -> Line:
    """Return the cost of one published version of each function, kept ready."""
    return Line("SnapStart", (1.0 + 1.769 + 1.0) * SECONDS * prices.SNAPSHOT_GB_S, 0)


def _pollers() -> Line:
    """Return the cost of pollers in one group, where ten pollers of 5 MB/s are one unit."""
    units = math.ceil(mappings() / 10)
    return Line("Event pollers (one group)", units * HOURS * prices.POLLER_UNIT_H, 0)


def _kafka(load: Load, kind: KafkaKind) -> Line:
    """Return the cost of the cluster and its traffic.

    Each command is a record and a reply, which every gateway of its partition reads.
    """
    records = 2 * load.commands + load.mails
    gb_in = records * load.work.record_bytes / _GB
    if kind == "express":
        return Line(
            "MSK Express", 3 * HOURS * prices.EXPRESS_BROKER_H, gb_in * prices.EXPRESS_IN_GB
        )
    partitions = sum(topic.partitions for topic in TOPICS)
    idle = HOURS * (prices.SERVERLESS_CLUSTER_H + partitions * prices.SERVERLESS_PARTITION_H)
    gb_out = gb_in * 2
    by_load = gb_in * prices.SERVERLESS_IN_GB + gb_out * prices.SERVERLESS_OUT_GB
    return Line("MSK Serverless", idle, by_load)


def _units(load: Load, stage: Environment) -> float:
    """Return Aurora capacity units, on average; one carries about 200 commands a second."""
    needed = load.commands / SECONDS / 200
    return min(max(stage.database_min_acu, needed), stage.database_max_acu)


def _database(load: Load, stage: Environment) -> Line:
    instances = 1 + stage.database_readers
    idle = instances * stage.database_min_acu * HOURS * prices.ACU_H
    more = instances * (_units(load, stage) - stage.database_min_acu) * HOURS * prices.ACU_H
    stored = load.users * load.work.user_bytes / _GB * prices.DATABASE_STORED_GB
    return Line("Aurora", idle, more + stored + 6 * load.commands * prices.DATABASE_IO)


def _proxy(load: Load, stage: Environment) -> Line:
    least = prices.PROXY_LEAST_ACU * HOURS * prices.PROXY_ACU_H
    units = max(prices.PROXY_LEAST_ACU, _units(load, stage) * (1 + stage.database_readers))
    return Line("RDS Proxy", least, units * HOURS * prices.PROXY_ACU_H - least)


def _cache(load: Load) -> Line:
    """Return the cost of the cache.

    A request counts in the rate limit and reads or drops a profile: four units of 1 KB.
    """
    idle = prices.CACHE_LEAST_GB * HOURS * prices.CACHE_STORED_GB_H
    profiles_gb = min(load.users, load.rps * 300) * 1_000 / _GB
    more_gb = max(0.0, profiles_gb - prices.CACHE_LEAST_GB)
    by_load = 4 * load.requests * prices.CACHE_UNIT + more_gb * HOURS * prices.CACHE_STORED_GB_H
    return Line("ElastiCache", idle, by_load)


def _endpoints(stage: Environment) -> Line:
    """Return the cost of endpoints for Secrets Manager and SES in each zone; S3's is free."""
    return Line("VPC endpoints", 2 * stage.zones * HOURS * prices.ENDPOINT_H, 0)


def _secrets(kafka: KafkaKind) -> Line:
    """Return the cost of the functions' four secrets, CloudFront's, and our database's."""
    secrets = 5 if kafka == "own" else 6
    return Line("Secrets and keys", secrets * prices.SECRET + 2 * prices.KMS_KEY, 0)


def alarms(stage: Environment, kafka: KafkaKind) -> int:
    """Return the number of alarms: the template's, slow API, old records, old origin secret."""
    return 12 + 1 + (0 if kafka == "own" else 6) + (1 if stage.front else 0)


def _watching(load: Load, stage: Environment, kafka: KafkaKind) -> Line:
    idle = alarms(stage, kafka) * prices.ALARM_METRIC + prices.DASHBOARD
    idle += mappings() * 8 * prices.METRIC  # EventCount and KafkaMetrics of each mapping
    return Line("CloudWatch", idle, load.requests * load.work.log_bytes / _GB * prices.LOG_GB)


def _mail(load: Load) -> Line:
    return Line("SES", 0, load.mails * prices.MAIL)


def total(lines: list[Line]) -> Iterator[float]:
    """Return the sums: idle, by load, and both."""
    yield sum(line.idle for line in lines)
    yield sum(line.by_load for line in lines)
    yield sum(line.total for line in lines)
