"""The command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from local.esm.delivery import Pace


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the command was asked to do; the fields are its flags."""

    template: Path
    bootstrap_servers: str | None
    invoke: Literal["local", "processes"]
    endpoint: str | None
    functions: tuple[str, ...]
    parameters: dict[str, str]
    concurrency: int | None
    once: bool
    group_protocol: Literal["auto", "consumer", "classic"]
    kafka_properties: dict[str, str]
    payload_limit: int
    pace: Pace
    connect_timeout_s: float


# The request quota of a synchronous invocation (Developer Guide, "Lambda quotas").
_PAYLOAD_LIMIT = 6_291_456


def parse(arguments: Sequence[str]) -> Options:
    """Read the command line; on a mistake argparse explains it and ends the process."""
    given = _parser().parse_args(arguments)
    return Options(
        template=given.template,
        bootstrap_servers=given.bootstrap_servers,
        invoke=given.invoke or "local",
        endpoint=given.endpoint,
        functions=tuple(given.function),
        parameters=dict(given.parameter),
        concurrency=given.concurrency,
        once=given.once,
        group_protocol=given.group_protocol,
        kafka_properties=dict(given.kafka_property),
        payload_limit=given.payload_limit,
        pace=Pace(given.retry_delay, given.retry_delay_max),
        connect_timeout_s=given.connect_timeout,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local.esm",
        description="Triggers Lambda functions from Kafka as AWS's event source mapping does.",
    )
    add = parser.add_argument
    add(
        "--template",
        type=Path,
        default=Path("template.yaml"),
        help="SAM or CloudFormation template",
    )
    add("--bootstrap-servers", metavar="HOST:PORT,...", help="brokers, instead of the template's")
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--invoke", choices=("local", "processes"), help="where handlers run")
    way.add_argument("--endpoint", metavar="URL", help="a Lambda Invoke API to call instead")
    add("--function", action="append", default=[], help="only the mappings of this function")
    add(
        "--parameter",
        action="append",
        default=[],
        type=_pair,
        metavar="KEY=VALUE",
        help="of the template",
    )
    add("--concurrency", type=int, help="invocations of a function at the same time")
    add("--once", action="store_true", help="end when everything there is has been delivered")
    add("--group-protocol", choices=("auto", "consumer", "classic"), default="auto")
    add(
        "--kafka-property",
        action="append",
        default=[],
        type=_pair,
        metavar="KEY=VALUE",
        help="a property of librdkafka, for instance sasl.mechanism=PLAIN",
    )
    add("--payload-limit", type=int, default=_PAYLOAD_LIMIT, metavar="BYTES", help="of one event")
    add("--retry-delay", type=float, default=0.5, metavar="SECONDS", help="before the first retry")
    add(
        "--retry-delay-max",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="it doubles up to this",
    )
    add(
        "--connect-timeout",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="for the first broker",
    )
    return parser


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return name, value
