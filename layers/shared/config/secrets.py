"""The variables that settings are read from: the process's own, and what secrets hold.

``SECRETS_ARN`` names the secret of a deployed function: a JSON object in Secrets Manager whose
members are named like variables. Kafka's secrets, ``KAFKA_SECRET_ARN`` and
``KAFKA_CA_SECRET_ARN``, have the form that Lambda's event source mapping wants (Developer Guide,
"Kafka event source authentication"), so that both read the same ones. ``DATABASE_SECRET_ARN`` has
the form that RDS gives to the secret of the database's owner. A variable that is set wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shared.config.settings import SettingsError

_FROM_KAFKA: Final = {
    "username": "KAFKA_SASL_USERNAME",
    "password": "KAFKA_SASL_PASSWORD",
    "certificate": "KAFKA_SSL_CERTIFICATE",
    "privateKey": "KAFKA_SSL_KEY",
    "privateKeyPassword": "KAFKA_SSL_KEY_PASSWORD",
}
_FROM_CA: Final = {"certificate": "KAFKA_SSL_CA"}
_FROM_RDS: Final = {"username": "DATABASE_USERNAME", "password": "DATABASE_PASSWORD"}

SOURCES: Final[Mapping[str, Mapping[str, str] | None]] = {
    "SECRETS_ARN": None,
    "KAFKA_SECRET_ARN": _FROM_KAFKA,
    "KAFKA_CA_SECRET_ARN": _FROM_CA,
    "DATABASE_SECRET_ARN": _FROM_RDS,
}
"""The variables that name a secret, each with its members' names here; None for the same names."""

_READER: Final = "aws_lambda_powertools.utilities.parameters"


def deferred_imports(env: Mapping[str, str]) -> list[str]:
    """Return the modules that :func:`environment` will import."""
    return [_READER] if any(env.get(source) for source in SOURCES) else []


def environment(env: Mapping[str, str]) -> Mapping[str, str]:
    """Return an environment with the content of the secrets that it names.

    Args:
        env: usually ``os.environ``. When it names no secret, it is returned as it is.

    Raises:
        SettingsError: a secret cannot be read, or is no JSON object of texts.
    """
    named = {source: env[source] for source in SOURCES if env.get(source)}
    if not named:
        return env
    found: dict[str, str] = {}
    for source, arn in named.items():
        names = SOURCES[source]
        for member, text in _read(source, arn).items():
            found[names.get(member, member) if names else member] = text
    return {**found, **{name: value for name, value in env.items() if value}}


def _read(source: str, arn: str) -> dict[str, str]:
    # It imports boto3, so only a function with secrets in Secrets Manager waits for it.
    from aws_lambda_powertools.utilities.parameters import get_secret
    from aws_lambda_powertools.utilities.parameters.exceptions import (
        GetParameterError,
        TransformParameterError,
    )

    try:
        secret: object = get_secret(arn, transform="json")
    except (GetParameterError, TransformParameterError) as error:
        # The cause's text may hold the secret, so only its kind is shown.
        raise SettingsError(f"The secret of {source} cannot be read: {_kind(error)}.") from None
    if not isinstance(secret, dict):
        raise SettingsError(f"The secret of {source} is not a JSON object.")
    return {str(name): _text(value) for name, value in secret.items()}


def _text(value: object) -> str:
    """Return a member as a variable's text; a JWK Set may stand in the secret as an object."""
    if isinstance(value, str):
        return value
    import json

    return json.dumps(value)


def _kind(error: Exception) -> str:
    code = getattr(error.__context__, "response", {}).get("Error", {}).get("Code")
    return str(code or type(error).__name__)
