"""Secrets come from Secrets Manager, and only where a function is told of one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator

import boto3
import pytest
from aws_lambda_powertools.utilities.parameters import base
from moto import mock_aws

from shared.config.secrets import environment
from shared.config.settings import KafkaSettings, SettingsError, load

Put = Callable[[str, object], str]


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch) -> Iterator[Put]:
    """Puts a secret into Secrets Manager and returns its ARN."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    vars(base)["DEFAULT_PROVIDERS"].clear()  # a client, and what it has read, from before
    with mock_aws():
        client = boto3.client("secretsmanager")

        def put(name: str, value: object) -> str:
            text = value if isinstance(value, str) else json.dumps(value)
            arn: str = client.create_secret(Name=name, SecretString=text)["ARN"]
            return arn

        yield put


def test_members_of_the_secret_fill_what_is_not_set(put: Put) -> None:
    arn = put("user", {"DATABASE_URL": "postgresql://secret", "LOG_LEVEL": "DEBUG"})

    found = environment({"SECRETS_ARN": arn, "LOG_LEVEL": "ERROR", "KAFKA_SASL_MECHANISM": ""})

    assert found["DATABASE_URL"] == "postgresql://secret"
    assert found["LOG_LEVEL"] == "ERROR"


def test_a_key_set_may_stand_in_the_secret_as_an_object(put: Put) -> None:
    arn = put("user", {"USER_PRIVATE_KEYS": {"keys": []}})

    assert environment({"SECRETS_ARN": arn})["USER_PRIVATE_KEYS"] == '{"keys": []}'


def test_kafkas_secrets_are_those_that_the_event_source_mapping_reads(put: Put) -> None:
    scram = put("AmazonMSK_scram", {"username": "lambda", "password": "hunter2"})
    mtls = put("mtls", {"certificate": "CERT", "privateKey": "KEY", "privateKeyPassword": "pass"})
    authority = put("ca", {"certificate": "CA"})
    given = {"KAFKA_BOOTSTRAP_SERVERS": "broker:9096", "KAFKA_CA_SECRET_ARN": authority}

    by_scram = load(KafkaSettings, environment({**given, "KAFKA_SECRET_ARN": scram}))
    by_mtls = load(KafkaSettings, environment({**given, "KAFKA_SECRET_ARN": mtls}))

    assert (by_scram.kafka_sasl_username, by_scram.kafka_sasl_password) == ("lambda", "hunter2")
    assert (by_mtls.kafka_ssl_certificate, by_mtls.kafka_ssl_key) == ("CERT", "KEY")
    assert by_mtls.kafka_ssl_key_password == "pass"
    assert by_scram.kafka_ssl_ca == by_mtls.kafka_ssl_ca == "CA"


@pytest.mark.parametrize("content", ["not json: hunter2", '["hunter2"]', "5"])
def test_a_secret_of_another_form_is_refused_without_being_shown(put: Put, content: str) -> None:
    with pytest.raises(SettingsError, match="SECRETS_ARN") as refused:
        environment({"SECRETS_ARN": put("odd", content)})

    assert "hunter2" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_secret_that_is_not_there_is_named_by_its_variable(put: Put) -> None:
    arn = put("one", {}).replace("one", "other")

    with pytest.raises(SettingsError, match=r"KAFKA_SECRET_ARN .*ResourceNotFoundException"):
        environment({"KAFKA_SECRET_ARN": arn})


def test_nobody_waits_for_boto3_who_keeps_no_secrets_there() -> None:
    code = (
        "import sys; from shared.config.secrets import environment;"
        "environment({'SECRETS_ARN': '', 'A': 'b'}); sys.exit('boto3' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
