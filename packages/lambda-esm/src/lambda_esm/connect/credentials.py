"""Credentials of the cluster: the mapping's ``SourceAccessConfigurations``, or the environment's.

With ``--bootstrap-servers`` the cluster is another one than the template's, so its security comes
from ``KAFKA_SECURITY_PROTOCOL`` and the other variables. Without it, secrets are read from Secrets
Manager, in the forms that the Developer Guide gives ("Cluster authentication methods").
"""

from __future__ import annotations

import os
from collections.abc import Mapping as Environment
from typing import Any, Final

from lambda_esm.connect.client import client_config
from lambda_esm.errors import EsmError
from lambda_esm.model.account import region
from lambda_esm.model.mapping import Mapping
from lambda_esm.settings import KafkaSettings, load

_SASL: Final = {
    "BASIC_AUTH": "PLAIN",
    "SASL_SCRAM_256_AUTH": "SCRAM-SHA-256",
    "SASL_SCRAM_512_AUTH": "SCRAM-SHA-512",
}
_NETWORK_TYPES: Final = ("VPC_SUBNET", "VPC_SECURITY_GROUP")
_VARIABLES_BESIDE_SECURITY: Final = ("KAFKA_BOOTSTRAP_SERVERS", "KAFKA_FETCH_WAIT_MS")


def connection_config(
    mapping: Mapping, environment: Environment[str, str], *, from_template: bool
) -> dict[str, Any]:
    """Return librdkafka's properties for reaching the mapping's brokers.

    Args:
        mapping: names the brokers and, for its own cluster, the secrets.
        environment: settings as :class:`lambda_esm.settings.KafkaSettings` reads them.
        from_template: whether the brokers are the template's own.

    Raises:
        EsmError: a secret cannot be read, or is of a kind that is not supported; or a variable
            cannot be used.
    """
    variables = {**environment, "KAFKA_BOOTSTRAP_SERVERS": ",".join(mapping.bootstrap_servers)}
    if from_template and any(
        kind not in _NETWORK_TYPES for kind, _ in mapping.source_access_configurations
    ):
        plain = {name: variables[name] for name in variables if name in _VARIABLES_BESIDE_SECURITY}
        return {**client_config(load(KafkaSettings, plain)), **_secured(mapping)}
    if variables.get("KAFKA_SASL_MECHANISM") == "AWS_MSK_IAM":
        os.environ.setdefault("AWS_REGION", region())
    return client_config(load(KafkaSettings, variables))


def _secured(mapping: Mapping) -> dict[str, Any]:
    config: dict[str, Any] = {"security.protocol": "SSL"}
    for kind, uri in mapping.source_access_configurations:
        if kind in _SASL:
            secret = _read_secret(uri)
            config |= {
                "security.protocol": "SASL_SSL",
                "sasl.mechanism": _SASL[kind],
                "sasl.username": _member(secret, "username", uri),
                "sasl.password": _member(secret, "password", uri),
            }
        elif kind == "CLIENT_CERTIFICATE_TLS_AUTH":
            config |= _client_certificate(_read_secret(uri), uri)
        elif kind == "SERVER_ROOT_CA_CERTIFICATE":
            config["ssl.ca.pem"] = _member(_read_secret(uri), "certificate", uri)
        elif kind not in _NETWORK_TYPES:
            raise EsmError(
                f"{mapping.logical_id}: the access type {kind} is not supported here; "
                "pass --bootstrap-servers and set KAFKA_SECURITY_PROTOCOL."
            )
    return config


def _client_certificate(secret: dict[str, str], uri: str) -> dict[str, str]:
    config = {
        "ssl.certificate.pem": _member(secret, "certificate", uri),
        "ssl.key.pem": _member(secret, "privateKey", uri),
    }
    if "privateKeyPassword" in secret:
        config["ssl.key.password"] = secret["privateKeyPassword"]
    return config


def _read_secret(uri: str) -> dict[str, str]:
    from lambda_esm.connect.aws import read_secret  # boto3 takes long to import

    return read_secret(uri, region())


def _member(secret: dict[str, str], name: str, uri: str) -> str:
    if name not in secret:
        raise EsmError(f"The secret {uri} has no {name}.")
    return secret[name]
