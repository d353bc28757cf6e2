"""The command line."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from lambda_esm.model.backoff import BackoffPolicy
from lambda_esm.model.mapping import GroupProtocol
from lambda_esm.settings import KafkaSettings, load


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the command was asked to do; the fields are its flags."""

    template: Path
    bootstrap_servers: str | None
    invoke: Literal["local", "processes"]
    endpoints: tuple[str, ...]
    endpoint_grace_s: float
    functions: tuple[str, ...]
    parameters: dict[str, str]
    concurrency: int | None
    once: bool
    group_protocol: GroupProtocol | Literal["auto"]
    kafka_properties: dict[str, str]
    payload_limit: int
    backoff: BackoffPolicy
    connect_timeout_s: float
    http: str | None


# The request quota of a synchronous invocation (Developer Guide, "Lambda quotas").
_PAYLOAD_LIMIT: Final = 6_291_456

EPILOG: Final = """
Security of the Kafka client: KAFKA_SECURITY_PROTOCOL, KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and
their kin, or --kafka-property. Without --bootstrap-servers the template's own
cluster is used, with the secrets of its SourceAccessConfigurations.
To deliver again what went to an on-failure destination: lambda-esm replay --help
"""


def parse(arguments: Sequence[str]) -> Options:
    """Read the command line; on a mistake argparse explains it and ends the process."""
    parser = argparse.ArgumentParser(prog="lambda-esm run")
    add_arguments(parser)
    return options_of(parser.parse_args(arguments))


def options_of(given: argparse.Namespace) -> Options:
    """Return the options that a command line with :func:`add_arguments` gave."""
    return Options(
        template=given.template,
        bootstrap_servers=given.bootstrap_servers,
        invoke=given.invoke or "local",
        endpoints=tuple(given.endpoint),
        endpoint_grace_s=given.endpoint_grace,
        functions=tuple(given.function),
        parameters=dict(given.parameter),
        concurrency=given.concurrency,
        once=given.once,
        group_protocol=given.group_protocol,
        kafka_properties=dict(given.kafka_property),
        payload_limit=given.payload_limit,
        backoff=BackoffPolicy(given.retry_delay, given.retry_delay_max),
        connect_timeout_s=given.connect_timeout,
        http=given.http,
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add all flags, with their help."""
    _add_what(parser)
    _add_kafka(parser)
    _add_invocations(parser)


def _add_what(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what to run")
    group.add_argument(
        "--template",
        type=Path,
        default=Path("template.yaml"),
        help="SAM or CloudFormation template, YAML or JSON (template.yaml)",
    )
    group.add_argument("--parameter", help="of the template; may be repeated", **_PAIRS)
    group.add_argument(
        "--function", action="append", default=[], metavar="NAME", help="only its mappings"
    )
    group.add_argument(
        "--once", action="store_true", help="end when everything there is has been delivered"
    )
    group.add_argument("--http", metavar="HOST:PORT", help="serve /metrics, /healthz and /livez")


def add_kafka_client(parser: Any) -> None:
    """The flags that say where Kafka is; all commands have them."""
    parser.add_argument(
        "--bootstrap-servers", metavar="HOST:PORT,...", help="brokers, instead of the template's"
    )
    parser.add_argument(
        "--kafka-property",
        help="a property of librdkafka, for instance sasl.mechanism=PLAIN; may be repeated",
        **_PAIRS,
    )
    parser.add_argument(
        "--connect-timeout", type=_positive, default=10.0, metavar="SECONDS", help="(10)"
    )


def kafka_settings(given: argparse.Namespace) -> KafkaSettings:
    """Return the environment's settings, with the brokers that the command line names.

    Raises:
        SettingsError: a variable is missing or cannot be used.
    """
    variables = dict(os.environ)
    if given.bootstrap_servers:
        variables["KAFKA_BOOTSTRAP_SERVERS"] = given.bootstrap_servers
    return load(KafkaSettings, variables)


def _add_kafka(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("Kafka")
    add_kafka_client(group)
    group.add_argument(
        "--group-protocol",
        choices=("auto", "consumer", "classic"),
        default="auto",
        help="consumer (KIP-848) where the broker has it, else classic",
    )


def _add_invocations(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("invocations")
    way = group.add_mutually_exclusive_group()
    way.add_argument(
        "--invoke",
        choices=("local", "processes"),
        help="handlers in this process, or in worker processes (local)",
    )
    way.add_argument(
        "--endpoint",
        action="append",
        default=[],
        metavar="URL",
        help="a Lambda Invoke API; or .../invocations of an emulator, once for each container",
    )
    group.add_argument(
        "--endpoint-grace", type=_positive, default=10.0, metavar="SECONDS",
        help="an answer may come so long after the function's timeout (10)",
    )  # fmt: skip
    group.add_argument(
        "--concurrency", type=_count, metavar="N", help="invocations of one function at a time"
    )
    group.add_argument(
        "--payload-limit", type=_count, default=_PAYLOAD_LIMIT, metavar="BYTES",
        help=f"of one event ({_PAYLOAD_LIMIT})",
    )  # fmt: skip
    group.add_argument(
        "--retry-delay", type=_positive, default=0.5, metavar="SECONDS",
        help="before the first retry; it doubles with each (0.5)",
    )  # fmt: skip
    group.add_argument(
        "--retry-delay-max", type=_positive, default=60.0, metavar="SECONDS", help="(60)"
    )


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return name, value


def _positive(text: str) -> float:
    number = float(text)
    if not number > 0:
        raise argparse.ArgumentTypeError(f"{text} is not above zero")
    return number


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is below one")
    return number


_PAIRS: Final[dict[str, Any]] = {
    "action": "append",
    "default": [],
    "type": _pair,
    "metavar": "KEY=VALUE",
}
