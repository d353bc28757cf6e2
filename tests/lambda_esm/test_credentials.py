"""Credentials: the environment's, or what ``SourceAccessConfigurations`` name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from lambda_esm.connect.credentials import connection_config
from lambda_esm.errors import EsmError
from lambda_esm.model.mapping import Mapping
from tests.lambda_esm.test_template import properties

REGION = "us-east-1"


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_REGION", REGION)
    with mock_aws():
        yield


def secret(**members: str) -> str:
    """Make a secret, and return its ARN."""
    client: Any = boto3.client("secretsmanager", region_name=REGION)
    made = client.create_secret(Name="the-secret", SecretString=json.dumps(members))
    return str(made["ARN"])


def with_access(folder: Path, *access: tuple[str, str]) -> Mapping:
    listed = [{"Type": kind, "URI": uri} for kind, uri in access]
    return properties(folder, SourceAccessConfigurations=listed)


def own_cluster(mapping: Mapping) -> dict[str, Any]:
    """librdkafka's properties that have to do with security, for the template's own brokers."""
    config = connection_config(mapping, {}, from_template=True)
    return {k: v for k, v in config.items() if k.split(".")[0] in ("sasl", "ssl", "security")}


@pytest.mark.parametrize(
    ("kind", "mechanism"),
    [
        ("BASIC_AUTH", "PLAIN"),
        ("SASL_SCRAM_256_AUTH", "SCRAM-SHA-256"),
        ("SASL_SCRAM_512_AUTH", "SCRAM-SHA-512"),
    ],
)
def test_a_secret_with_username_and_password_is_sasl_over_tls(
    tmp_path: Path, kind: str, mechanism: str
) -> None:
    arn = secret(username="u", password="p")

    assert own_cluster(with_access(tmp_path, (kind, arn))) == {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": mechanism,
        "sasl.username": "u",
        "sasl.password": "p",
    }


def test_a_client_certificate_is_mutual_tls(tmp_path: Path) -> None:
    arn = secret(certificate="CERT", privateKey="KEY", privateKeyPassword="open")

    assert own_cluster(with_access(tmp_path, ("CLIENT_CERTIFICATE_TLS_AUTH", arn))) == {
        "security.protocol": "SSL",
        "ssl.certificate.pem": "CERT",
        "ssl.key.pem": "KEY",
        "ssl.key.password": "open",
    }


def test_a_root_certificate_of_ones_own(tmp_path: Path) -> None:
    arn = secret(certificate="ROOT")

    assert own_cluster(with_access(tmp_path, ("SERVER_ROOT_CA_CERTIFICATE", arn))) == {
        "security.protocol": "SSL",
        "ssl.ca.pem": "ROOT",
    }


def test_subnets_and_security_groups_mean_nothing_here(tmp_path: Path) -> None:
    network = with_access(
        tmp_path, ("VPC_SUBNET", "subnet:s-1"), ("VPC_SECURITY_GROUP", "security_group:sg-1")
    )

    assert own_cluster(network) == {"security.protocol": "PLAINTEXT"}


def test_other_brokers_than_the_templates_have_the_environments_security(tmp_path: Path) -> None:
    mapping = with_access(tmp_path, ("SASL_SCRAM_512_AUTH", "arn:of:a:secret"))
    env = {
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        "KAFKA_SASL_USERNAME": "me",
        "KAFKA_SASL_PASSWORD": "mine",
    }

    config = connection_config(mapping, env, from_template=False)

    assert (config["sasl.username"], config["sasl.password"]) == ("me", "mine")
    assert config["security.protocol"] == "SASL_SSL"


def test_msk_iam_signs_a_token_with_the_environments_credentials(tmp_path: Path) -> None:
    env = {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_MECHANISM": "AWS_MSK_IAM"}

    config = connection_config(properties(tmp_path), env, from_template=False)

    assert config["sasl.mechanism"] == "OAUTHBEARER"
    token, _ = config["oauth_cb"]("")
    assert token


def test_a_secret_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    arn = f"arn:aws:secretsmanager:{REGION}:123456789012:secret:nothing"
    with pytest.raises(EsmError, match=f"The secret {arn} cannot be read"):
        own_cluster(with_access(tmp_path, ("BASIC_AUTH", arn)))


def test_a_secret_without_its_members_is_named_and_not_shown(tmp_path: Path) -> None:
    arn = secret(user="u", password="a-password")
    with pytest.raises(EsmError, match="has no username") as caught:
        own_cluster(with_access(tmp_path, ("BASIC_AUTH", arn)))
    assert "a-password" not in str(caught.value)


def test_an_access_type_that_is_not_supported_is_named(tmp_path: Path) -> None:
    with pytest.raises(EsmError, match="M: the access type OAUTHBEARER_AUTH is not supported here"):
        own_cluster(with_access(tmp_path, ("OAUTHBEARER_AUTH", "arn")))
