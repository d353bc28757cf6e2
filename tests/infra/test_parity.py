"""What is deployed is what runs locally: the same settings, the same mappings, the same limits."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gateway.settings import Settings as GatewaySettings
from infra.cdk.deploytime.rotation import SecretContents, complete
from infra.cdk.naming import ROOT
from lambda_esm.template.document import load_template
from notification.settings import Settings as NotificationSettings
from shared.config.secrets import SOURCES
from shared.config.settings import KafkaSettings, LogSettings, load
from shared.contract.topics import TOPICS
from tests.infra.synthesis import Assembly, Json, dev, on_own_kafka, prod
from user.operations.migrate import Settings as MigrationSettings
from user.settings import Settings as UserSettings

TEMPLATE = load_template(ROOT / "template.yaml")
SETTINGS: dict[str, type[LogSettings]] = {
    "GatewayFunction": GatewaySettings,
    "UserFunction": UserSettings,
    "MigrationFunction": MigrationSettings,
    "NotificationFunction": NotificationSettings,
}
ALL = pytest.mark.parametrize("made", [dev, prod, on_own_kafka], ids=lambda made: made.__name__)
_API_LIMIT_S = 30  # API Gateway's quota for HTTP APIs, "Integration timeout"
_WHICH_CLUSTER = {
    "EventSourceArn",
    "SelfManagedEventSource",
    "SourceAccessConfigurations",
    "Tags",
}


def variables(assembly: Assembly, function: str) -> Json:
    """Return a function's variables, with those of all functions."""
    template = assembly.templates["service"]
    everybody = template["Globals"]["Function"]["Environment"]["Variables"]
    own = template["Resources"][function]["Properties"]["Environment"]["Variables"]
    return {**everybody, **own}


def secrets() -> dict[str, dict[str, str]]:
    """Return the secrets that the deployment writes, by function."""
    redis = {"REDIS_URL": "rediss://cache", "REDIS_IAM_CACHE": "cache"}
    database = "postgresql://service@database"
    held = SecretContents(
        gateway=redis,
        user={"DATABASE_URL": database, "DATABASE_IAM": "true"},
        migration={"DATABASE_URL": database, "DATABASE_ROLE": "service"},
        notification=redis,
        front={},
    )
    made = complete(held, rotate=False)
    return {
        "GatewayFunction": made.gateway,
        "UserFunction": made.user,
        "MigrationFunction": made.migration,
        "NotificationFunction": made.notification,
    }


def fields(kind: type[LogSettings]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(kind)}


@ALL
@pytest.mark.parametrize("function", SETTINGS)
def test_a_function_is_told_nothing_that_it_does_not_read(made: Any, function: str) -> None:
    # Everybody is given Kafka's address; not all have a client.
    read = fields(SETTINGS[function]) | set(SOURCES) | fields(UserSettings)

    assert set(variables(made(), function)) <= read
    assert set(secrets()[function]) <= fields(SETTINGS[function])


@ALL
@pytest.mark.parametrize("function", SETTINGS)
def test_a_function_starts_with_what_it_is_told(made: Any, function: str) -> None:
    told = {
        name: value
        for name, value in variables(made(), function).items()
        if isinstance(value, str) and name not in SOURCES
    }
    elsewhere = {"KAFKA_BOOTSTRAP_SERVERS": "broker:9098", "LOG_LEVEL": "INFO", "TRACING": "Active"}

    settings = load(SETTINGS[function], {**elsewhere, **told, **secrets()[function]})

    assert settings.log_format == "json"


@ALL
def test_the_function_that_makes_topics_starts_with_what_it_is_told(made: Any) -> None:
    (told,) = (
        resource["Properties"]["Environment"]["Variables"]
        for name, resource in made().resources("bus", "AWS::Lambda::Function").items()
        if name.startswith("Topics")
    )

    assert set(told) <= fields(KafkaSettings) | set(SOURCES)
    known = {**told, "KAFKA_BOOTSTRAP_SERVERS": "broker:9098"}

    assert load(KafkaSettings, known).kafka_bootstrap_servers == "broker:9098"


@ALL
def test_mappings_are_those_that_run_locally(made: Any) -> None:
    def mappings(template: Json) -> Json:
        return {
            name: {
                key: resource["Properties"][key]
                for key in resource["Properties"]
                if key not in _WHICH_CLUSTER
            }
            for name, resource in template["Resources"].items()
            if resource["Type"] == "AWS::Lambda::EventSourceMapping"
        }

    assert mappings(made().templates["service"]) == mappings(TEMPLATE)
    assert len(mappings(TEMPLATE)) >= 7


def test_no_mapping_has_more_pollers_than_its_topic_has_partitions() -> None:
    partitions = {topic.name: topic.partitions for topic in TOPICS}
    for resource in TEMPLATE["Resources"].values():
        if resource["Type"] == "AWS::Lambda::EventSourceMapping":
            properties = resource["Properties"]
            pollers = properties["ProvisionedPollerConfig"]["MaximumPollers"]
            assert pollers <= partitions[properties["Topics"][0]]


def test_whoever_waits_gives_up_before_whoever_waits_for_them() -> None:
    resources = TEMPLATE["Resources"]
    fields_ = {field.name: field.default for field in msgspec.structs.fields(GatewaySettings)}

    reply_s = fields_["reply_timeout_ms"] / 1000
    gateway_s = resources["GatewayFunction"]["Properties"]["Timeout"]

    assert reply_s < gateway_s < _API_LIMIT_S
