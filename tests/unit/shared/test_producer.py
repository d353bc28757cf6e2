"""The Kafka client's configuration."""

from __future__ import annotations

import logging

import pytest
from confluent_kafka import KafkaError

from shared.bus.producer import client_config
from shared.config.settings import KafkaSettings


def test_an_error_that_comes_again_and_again_is_said_once_in_a_while(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    told = client_config(KafkaSettings(kafka_bootstrap_servers="a:1"))["error_cb"]

    with caplog.at_level(logging.WARNING):
        for _ in range(50):
            told(KafkaError(KafkaError._TRANSPORT, "refused"))
        told(KafkaError(KafkaError._ALL_BROKERS_DOWN, "all down"))
        now[0] += 60
        told(KafkaError(KafkaError._TRANSPORT, "refused"))

    said = [(vars(r)["reason"], vars(r).get("repeated")) for r in caplog.records]
    assert said == [("refused", None), ("all down", None), ("refused", 49)]


def test_security_is_passed_on_as_librdkafka_names_it() -> None:
    config = client_config(
        KafkaSettings(
            kafka_bootstrap_servers="a:1",
            kafka_security_protocol="SASL_SSL",
            kafka_sasl_mechanism="SCRAM-SHA-512",
            kafka_sasl_username="u",
            kafka_sasl_password="p",
            kafka_ssl_ca="PEM",
        )
    )

    assert config["security.protocol"] == "SASL_SSL"
    assert config["sasl.mechanism"] == "SCRAM-SHA-512"
    assert (config["sasl.username"], config["sasl.password"]) == ("u", "p")
    assert config["ssl.ca.pem"] == "PEM"
    assert "ssl.key.pem" not in config
