"""Settings are read once, and say which variable is wrong."""

from __future__ import annotations

import pytest

from shared.config.settings import KafkaSettings, SettingsError, load


def test_variables_become_typed_fields() -> None:
    settings = load(
        KafkaSettings,
        {"KAFKA_BOOTSTRAP_SERVERS": "a:1,b:2", "KAFKA_FETCH_WAIT_MS": "5", "HOME": "/"},
    )

    assert settings.kafka_bootstrap_servers == "a:1,b:2"
    assert settings.kafka_fetch_wait_ms == 5
    assert settings.log_level == "INFO"


@pytest.mark.parametrize("env", [{}, {"KAFKA_BOOTSTRAP_SERVERS": ""}])
def test_a_missing_variable_is_named(env: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="KAFKA_BOOTSTRAP_SERVERS is not set"):
        load(KafkaSettings, env)


@pytest.mark.parametrize(
    ("name", "value"),
    [("KAFKA_FETCH_WAIT_MS", "soon"), ("KAFKA_SECURITY_PROTOCOL", "TLS"), ("LOG_LEVEL", "LOUD")],
)
def test_a_variable_that_cannot_be_read_is_named_without_its_value(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name) as caught:
        load(KafkaSettings, {"KAFKA_BOOTSTRAP_SERVERS": "a:1", name: value})

    assert value not in str(caught.value).replace(name, "")


def test_settings_cannot_be_changed() -> None:
    settings = load(KafkaSettings, {"KAFKA_BOOTSTRAP_SERVERS": "a:1"})

    with pytest.raises(AttributeError):
        settings.kafka_bootstrap_servers = "b:2"  # type: ignore[misc] # that is the point
