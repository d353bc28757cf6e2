"""Settings of the Kafka client and of logs, read from the environment.

A field ``kafka_bootstrap_servers`` is the variable ``KAFKA_BOOTSTRAP_SERVERS``. An empty variable
counts as absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeVar, get_args

import msgspec

from lambda_esm.errors import SettingsError


class LogSettings(msgspec.Struct, frozen=True, rename=str.upper, kw_only=True):
    """Settings of the logs.

    Attributes:
        log_level: a name that :mod:`logging` knows.
        log_format: ``line`` for a person at a terminal, ``json`` for a log store.
    """

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "line"] = "line"


class KafkaSettings(msgspec.Struct, frozen=True, rename=str.upper, kw_only=True):
    """Settings of the Kafka client. Names and meaning follow librdkafka's configuration.

    Attributes:
        kafka_bootstrap_servers: ``host:port``, comma-separated.
        kafka_security_protocol: ``PLAINTEXT``, ``SSL`` (server TLS or mTLS), or ``SASL_SSL``.
        kafka_sasl_mechanism: with ``SASL_SSL``: ``SCRAM-SHA-512``, or ``AWS_MSK_IAM``, which is
            OAUTHBEARER with a token that AWS credentials sign.
        kafka_sasl_username, kafka_sasl_password: for SCRAM.
        kafka_ssl_ca, kafka_ssl_certificate, kafka_ssl_key, kafka_ssl_key_password: PEM texts.
        kafka_fetch_wait_ms: how long a broker may hold an empty fetch. Apache Kafka answers at
            once when a record comes; librdkafka's mock cluster always waits this long, so use 5
            with it.
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


_S = TypeVar("_S", bound=msgspec.Struct)


def load(settings_type: type[_S], env: Mapping[str, str]) -> _S:
    """Return the settings of one type.

    Args:
        settings_type: a Struct whose fields are named like the variables, in lower case.
        env: usually ``os.environ``; other variables in it are ignored.

    Raises:
        SettingsError: a variable is missing or cannot be read as its type.
    """
    fields = {field.encode_name: field.type for field in msgspec.structs.fields(settings_type)}
    given = {name: value for name, value in env.items() if name in fields and value != ""}
    try:
        return msgspec.convert(given, settings_type, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(_explain(fields, str(error))) from None


def _explain(fields: Mapping[str, object], reason: str) -> str:
    """Return msgspec's reason as a sentence about variables, without a value."""
    if "missing required field" in reason:
        return f"The environment variable {reason.split('`')[1]} is not set."
    what, _, where = reason.rpartition(" - at ")
    name = where.strip("`$.")
    if "enum value" in what:
        what = f"it is none of {', '.join(c or 'empty' for c in get_args(fields[name]))}"
    return f"The environment variable {name} cannot be used: {what}."
