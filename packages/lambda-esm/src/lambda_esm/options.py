"""The command line of ``lambda-esm run``, and the flags that all commands share."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from lambda_esm.errors import EsmError
from lambda_esm.model.backoff import BackoffPolicy
from lambda_esm.model.mapping import GroupProtocol
from lambda_esm.settings import KafkaSettings, load

HELP: Final = "invoke functions with the records of their topics"
DESCRIPTION: Final = """\
Invoke Lambda functions with Kafka records, as AWS's event source mapping does.

Functions and mappings are those of a SAM or CloudFormation template. The command runs until
it gets SIGTERM or Ctrl-C; then invocations end, their offsets are committed, and a second
signal does not wait for that.
"""
EPILOG: Final = """\
Without --bootstrap-servers the template's own cluster is used, with the secrets of its
SourceAccessConfigurations. With it, the security of the Kafka client is set by --kafka-property
or by environment variables: KAFKA_SECURITY_PROTOCOL, KAFKA_SASL_MECHANISM,
KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD, KAFKA_SSL_CA and the like.

example:
  lambda-esm run --template template.yaml --bootstrap-servers localhost:9092
"""

# The request quota of a synchronous invocation (Developer Guide, "Lambda quotas").
_PAYLOAD_LIMIT: Final = 6_291_456


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """The options of ``lambda-esm run``; the fields are its flags."""

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


def parse(arguments: Sequence[str]) -> Options:
    """Return the options of a command line; on a mistake argparse explains it and exits."""
    parser = argparse.ArgumentParser(prog="lambda-esm run")
    add_arguments(parser)
    return options_of(parser.parse_args(arguments))


def options_of(args: argparse.Namespace) -> Options:
    """Return the options that a command line with :func:`add_arguments` gave."""
    return Options(
        template=args.template,
        bootstrap_servers=args.bootstrap_servers,
        invoke=args.invoke or "local",
        endpoints=tuple(args.endpoint),
        endpoint_grace_s=args.endpoint_grace,
        functions=tuple(args.function),
        parameters=dict(args.parameter),
        concurrency=args.concurrency,
        once=args.once,
        group_protocol=args.group_protocol,
        kafka_properties=dict(args.kafka_property),
        payload_limit=args.payload_limit,
        backoff=BackoffPolicy(args.retry_delay, args.retry_delay_max),
        connect_timeout_s=args.connect_timeout,
        http=args.http,
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of ``lambda-esm run``, with their help."""
    _add_selection(parser)
    _add_kafka(parser)
    _add_invocations(parser)


def add_template(parser: Any) -> None:
    """Add the flag that names the template."""
    parser.add_argument(
        "--template",
        type=Path,
        default=Path("template.yaml"),
        metavar="FILE",
        help="SAM or CloudFormation template, YAML or JSON (default: template.yaml)",
    )


def add_kafka_client(parser: Any, *, default_servers: str = "KAFKA_BOOTSTRAP_SERVERS") -> None:
    """Add the flags of the Kafka client, which all commands have."""
    parser.add_argument(
        "--bootstrap-servers",
        metavar="HOST:PORT,...",
        help=f"brokers (default: {default_servers})",
    )
    parser.add_argument(
        "--kafka-property",
        help="a property of librdkafka, such as sasl.mechanism=PLAIN; repeatable",
        **_PAIRS,
    )
    parser.add_argument(
        "--connect-timeout",
        type=_positive,
        default=10.0,
        metavar="SECONDS",
        help="how long to wait for the brokers' first answer (default: 10)",
    )


def kafka_settings(args: argparse.Namespace) -> KafkaSettings:
    """Return the environment's settings, with the brokers that the command line names.

    Raises:
        EsmError: no brokers are named, or a variable cannot be used.
    """
    variables = dict(os.environ)
    if args.bootstrap_servers:
        variables["KAFKA_BOOTSTRAP_SERVERS"] = args.bootstrap_servers
    if not variables.get("KAFKA_BOOTSTRAP_SERVERS"):
        raise EsmError("No brokers are named: pass --bootstrap-servers HOST:PORT.")
    return load(KafkaSettings, variables)


def _add_selection(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what to run")
    add_template(group)
    group.add_argument("--parameter", help="a parameter of the template; repeatable", **_PAIRS)
    group.add_argument(
        "--function",
        action="append",
        default=[],
        metavar="NAME",
        help="run only this function's mappings; repeatable (default: all)",
    )
    group.add_argument(
        "--once", action="store_true", help="end when every partition is delivered to its end"
    )
    group.add_argument(
        "--http", metavar="HOST:PORT", help="serve /metrics, /healthz and /livez at this address"
    )


def _add_kafka(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("Kafka")
    add_kafka_client(group, default_servers="those of the template")
    group.add_argument(
        "--group-protocol",
        choices=("auto", "consumer", "classic"),
        default="auto",
        help="consumer is KIP-848; auto uses it where the broker has it (default: auto)",
    )


def _add_invocations(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("invocations")
    invoker = group.add_mutually_exclusive_group()
    invoker.add_argument(
        "--invoke",
        choices=("local", "processes"),
        help="run handlers in this process, or in worker processes (default: local)",
    )
    invoker.add_argument(
        "--endpoint",
        action="append",
        default=[],
        metavar="URL",
        help="a Lambda Invoke API; or an emulator's .../invocations, once for each container",
    )
    group.add_argument(
        "--endpoint-grace",
        type=_positive,
        default=10.0,
        metavar="SECONDS",
        help="how long an answer may come after the function's timeout (default: 10)",
    )
    group.add_argument(
        "--concurrency",
        type=_count,
        metavar="N",
        help="most invocations of one function at a time (default: the reserved one)",
    )
    group.add_argument(
        "--payload-limit",
        type=_count,
        default=_PAYLOAD_LIMIT,
        metavar="BYTES",
        help=f"most bytes of JSON in one event (default: {_PAYLOAD_LIMIT})",
    )
    group.add_argument(
        "--retry-delay",
        type=_positive,
        default=0.5,
        metavar="SECONDS",
        help="delay before the first retry; it doubles with each further one (default: 0.5)",
    )
    group.add_argument(
        "--retry-delay-max",
        type=_positive,
        default=60.0,
        metavar="SECONDS",
        help="longest delay before a retry (default: 60)",
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
