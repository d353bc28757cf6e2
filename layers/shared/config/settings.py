"""Settings: read once, from a mapping, into a frozen typed object.

A field ``kafka_bootstrap_servers`` is read from the variable ``KAFKA_BOOTSTRAP_SERVERS``. An
empty variable counts as absent, because a CloudFormation parameter cannot be left out.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Literal, ParamSpec, TypeVar, get_args

import msgspec


class SettingsError(Exception):
    """A variable is missing, or its value cannot be used. The message names it."""


class LogSettings(msgspec.Struct, frozen=True, rename=str.upper, kw_only=True):
    """How to log and measure.

    Attributes:
        log_level: a name that :mod:`logging` knows.
        log_format: ``json`` (CloudWatch) or ``line`` (a person at a terminal).
        metrics_namespace: CloudWatch's, for metrics written into the log; empty for none. Only
            with ``json``.
        tracing: ``Active`` records segments for X-Ray.
    """

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "line"] = "json"
    metrics_namespace: str = ""
    tracing: Literal["PassThrough", "Active"] = "PassThrough"


class KafkaSettings(LogSettings, frozen=True, kw_only=True):
    """How to reach Kafka. Names and meaning follow librdkafka's configuration.

    Attributes:
        kafka_bootstrap_servers: ``host:port``, comma-separated.
        kafka_security_protocol: ``PLAINTEXT``, ``SSL`` (server TLS or mTLS), or ``SASL_SSL``.
        kafka_sasl_mechanism: with ``SASL_SSL``: ``SCRAM-SHA-512``, or ``AWS_MSK_IAM``, which is
            OAUTHBEARER with a token that AWS credentials sign.
        kafka_sasl_username, kafka_sasl_password: for SCRAM.
        kafka_ssl_ca, kafka_ssl_certificate, kafka_ssl_key, kafka_ssl_key_password: PEM texts.
        kafka_fetch_wait_ms: how long a broker may hold an empty fetch. Apache Kafka answers at
            once when a record comes. librdkafka's mock cluster always waits this long, so the
            embedded broker is used with 5.
        kafka_delivery_timeout_ms: after this an unsent record is given up (``message.timeout.ms``).
    """

    kafka_bootstrap_servers: str
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: Literal["", "SCRAM-SHA-512", "AWS_MSK_IAM"] = ""
    kafka_sasl_username: str = ""
    kafka_sasl_password: str = ""
    kafka_ssl_ca: str = ""
    kafka_ssl_certificate: str = ""
    kafka_ssl_key: str = ""
    kafka_ssl_key_password: str = ""
    kafka_fetch_wait_ms: int = 500
    kafka_delivery_timeout_ms: int = 10_000


_S = TypeVar("_S", bound=msgspec.Struct)
_P = ParamSpec("_P")


def load(kind: type[_S], env: Mapping[str, str]) -> _S:
    """Read one settings type from an environment.

    Args:
        kind: a frozen Struct whose fields are named like the variables, in lower case.
        env: usually ``os.environ``; other variables in it are ignored.

    Raises:
        SettingsError: a variable is missing or cannot be read as its type.
    """
    known = {field.encode_name for field in msgspec.structs.fields(kind)}
    given = {name: value for name, value in env.items() if name in known and value != ""}
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(_explain(kind, str(error))) from None


def command(main: Callable[_P, None]) -> Callable[_P, None]:
    """Let a command end with the sentence of a :class:`SettingsError`, and exit status 1."""

    @wraps(main)
    def ended(*args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            main(*args, **kwargs)
        except SettingsError as error:
            sys.exit(str(error))

    return ended


def _explain(kind: type[msgspec.Struct], reason: str) -> str:
    """Return msgspec's sentence as one about variables, without a value."""
    if "missing required field" in reason:
        return f"The environment variable {reason.split('`')[1]} is not set."
    what, _, where = reason.rpartition(" - at ")
    name = where.strip("`$.")
    allowed = [get_args(f.type) for f in msgspec.structs.fields(kind) if f.encode_name == name]
    if "enum value" in what and allowed:
        what = f"it is none of {', '.join(choice or 'empty' for choice in allowed[0])}"
    return f"The environment variable {name} cannot be used: {what}."
