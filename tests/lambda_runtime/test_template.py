"""template.yaml fits the code: settings, secrets, mappings, deadlines, permissions."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.settings import Settings as GatewaySettings
from lambda_esm.template.document import load_template
from local.build import TARGETS
from local.project import ROOT
from notification.settings import Settings as NotificationSettings
from shared.config.secrets import SOURCES
from shared.config.settings import LogSettings
from shared.contract import topics
from user.operations.migrate import Settings as MigrationSettings
from user.settings import Settings as UserSettings

TEMPLATE = load_template(ROOT / "template.yaml")
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
GLOBALS: dict[str, Any] = TEMPLATE["Globals"]["Function"]
SETTINGS: dict[str, type[LogSettings]] = {
    "GatewayFunction": GatewaySettings,
    "UserFunction": UserSettings,
    "NotificationFunction": NotificationSettings,
    "MigrationFunction": MigrationSettings,
}
MAPPINGS = {
    name: resource["Properties"]
    for name, resource in RESOURCES.items()
    if resource["Type"] == "AWS::Lambda::EventSourceMapping"
}
# API Gateway's quota for an HTTP API's integration; it cannot be raised.
_API_TIMEOUT_S = 30
# What every function is given, whether it needs Kafka or not.
_GLOBAL = {field.encode_name for field in msgspec.structs.fields(UserSettings)}


def functions() -> list[str]:
    return [n for n, r in RESOURCES.items() if r["Type"] == "AWS::Serverless::Function"]


def variables(function: str) -> dict[str, Any]:
    own: dict[str, Any] = RESOURCES[function]["Properties"]["Environment"]["Variables"]
    return own


def secret_members(function: str) -> set[str]:
    """The variables that the function's secret holds, as its parameter's description says."""
    parameter = variables(function)["SECRETS_ARN"]["Ref"]
    return set(re.findall(r"[A-Z][A-Z_]{3,}", TEMPLATE["Parameters"][parameter]["Description"])) - {
        "JSON"
    }


def test_these_are_all_functions() -> None:
    assert set(functions()) == set(SETTINGS)


@pytest.mark.parametrize("function", SETTINGS)
def test_every_variable_is_a_setting_and_every_required_setting_is_given(function: str) -> None:
    fields = msgspec.structs.fields(SETTINGS[function])
    known = {field.encode_name for field in fields} | set(SOURCES)
    required = {field.encode_name for field in fields if field.required}
    shared = set(GLOBALS["Environment"]["Variables"])

    assert set(variables(function)) <= known
    assert secret_members(function) <= known or function == "MigrationFunction"
    assert shared <= _GLOBAL | set(SOURCES)
    assert required <= set(variables(function)) | secret_members(function) | shared


@pytest.mark.parametrize("function", SETTINGS)
def test_no_secret_stands_in_a_functions_configuration(function: str) -> None:
    given = variables(function)
    for name in secret_members(function) & set(given):
        assert given[name] == "", name
    assert "{{resolve:" not in (ROOT / "template.yaml").read_text()


@pytest.mark.parametrize("function", SETTINGS)
def test_sam_local_can_be_given_every_required_setting(function: str) -> None:
    required = {f.encode_name for f in msgspec.structs.fields(SETTINGS[function]) if f.required}
    assert required <= set(variables(function)) | set(GLOBALS["Environment"]["Variables"])


@pytest.mark.parametrize("function", SETTINGS)
def test_each_handler_is_where_the_template_says(function: str) -> None:
    properties = RESOURCES[function]["Properties"]
    module, _, name = properties["Handler"].rpartition(".")
    folder = Path(properties["CodeUri"])
    sources = {f"dist/{target.folder}": target.source for target in TARGETS.values()}
    path = ROOT / sources[str(folder)] / f"{module.partition('.')[2]}.py"

    assert re.search(rf"^(def {name}\(|{name} = )", path.read_text(), re.MULTILINE)


def test_each_build_target_is_a_resource() -> None:
    for logical_id, target in TARGETS.items():
        properties = RESOURCES[logical_id]["Properties"]
        assert properties.get("CodeUri", properties.get("ContentUri")) == f"dist/{target.folder}"


def test_every_topic_that_a_function_reads_has_one_mapping() -> None:
    read = {
        topic.name
        for topic in topics.TOPICS
        if not topic.name.endswith((topics.REPLY_SUFFIX, ".failed"))
    }
    mapped = [mapping["Topics"] for mapping in MAPPINGS.values()]

    assert sorted(mapped) == sorted([name] for name in read)


@pytest.mark.parametrize("name", MAPPINGS)
def test_each_mapping_is_quick_bounded_and_loses_nothing(name: str) -> None:
    mapping = MAPPINGS[name]
    (topic,) = mapping["Topics"]
    partitions = {each.name: each.partitions for each in topics.TOPICS}
    failed = mapping["DestinationConfig"]["OnFailure"]["Destination"]

    assert mapping["MaximumBatchingWindowInSeconds"] == 0
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BisectBatchOnFunctionError"] is True
    assert 0 < mapping["MaximumRetryAttempts"] <= 10
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert failed == f"kafka://{topic.partition('.')[0]}.failed"
    assert failed.removeprefix("kafka://") in partitions
    assert mapping["ProvisionedPollerConfig"]["MaximumPollers"] <= partitions[topic]
    groups = {each["ProvisionedPollerConfig"]["PollerGroupName"] for each in MAPPINGS.values()}
    assert len(groups) == 1
    # A function published with SnapStart is only started from its snapshot through its alias.
    function = "UserFunction" if topic.startswith("user.") else "NotificationFunction"
    assert mapping["FunctionName"] == {"Fn::Sub": f"${{{function}.Alias}}"}


def test_mappings_differ_only_in_function_topic_destination_and_pollers() -> None:
    def rest(mapping: dict[str, Any]) -> dict[str, Any]:
        own = {"FunctionName", "Topics", "DestinationConfig", "ProvisionedPollerConfig"}
        return {name: value for name, value in mapping.items() if name not in own}

    first, *others = map(rest, MAPPINGS.values())
    assert all(other == first for other in others)


def test_every_mapping_is_watched() -> None:
    watched = {
        name: set(re.findall(r"'Ref': '(\w+Mapping)'", str(resource)))
        for name, resource in RESOURCES.items()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    }
    for kind in ("GivenUpAlarm", "LostRecordsAlarm", "LagAlarm"):
        seen = {one for name, of in watched.items() if name.endswith(kind) for one in of}
        assert seen == set(MAPPINGS), kind


@pytest.mark.parametrize("function", ["User", "Notification"])
def test_with_iam_a_function_may_read_its_topics_and_write_those_it_gives_up(function: str) -> None:
    allowed = {
        topic: str(statement["Action"])
        for statement in statements(RESOURCES[f"{function}KafkaPolicy"])
        for topic in re.findall(r"topic/\$\{Cluster\}/([^'\"]+)", str(statement["Resource"]))
    }
    prefix = function.lower()
    for mapping in MAPPINGS.values():
        (topic,) = mapping["Topics"]
        if topic.startswith(f"{prefix}."):
            assert "ReadData" in allowed[topic]
    assert "WriteData" in allowed[f"{prefix}.failed"]


def test_with_iam_the_gateway_may_write_every_topic_and_read_replies_only() -> None:
    for mapping in MAPPINGS.values():
        assert f"/{mapping['Topics'][0]}'" in str(statements(RESOURCES["GatewayKafkaPolicy"])[1])
    readable = [s for s in statements(RESOURCES["GatewayKafkaPolicy"]) if "ReadData" in str(s)]
    assert len(readable) == 1
    assert "gateway.reply" in str(readable[0]["Resource"])


def test_deadlines_nest() -> None:
    reply_ms = next(
        field.default
        for field in msgspec.structs.fields(GatewaySettings)
        if field.name == "reply_timeout_ms"
    )
    timeouts = {name: RESOURCES[name]["Properties"]["Timeout"] for name in SETTINGS}
    send_s = next(
        field.default
        for field in msgspec.structs.fields(NotificationSettings)
        if field.name == "send_timeout_s"
    )

    assert reply_ms / 1000 < timeouts["GatewayFunction"] < _API_TIMEOUT_S
    assert timeouts["NotificationFunction"] > 2 * send_s
    # Developer Guide, "Configuring the Kafka event source": at most 14 minutes.
    assert max(timeouts.values()) <= 14 * 60
    assert RESOURCES["Schema"]["Properties"]["ServiceTimeout"] > timeouts["MigrationFunction"]


def test_new_code_is_deployed_after_its_migrations() -> None:
    """Every build publishes another version, and that is what CloudFormation's resource has."""
    migration = RESOURCES["MigrationFunction"]["Properties"]

    assert RESOURCES["UserFunction"]["DependsOn"] == "Schema"
    assert migration["CodeUri"] == RESOURCES["UserFunction"]["Properties"]["CodeUri"]
    assert migration["AutoPublishAlias"]
    code = RESOURCES["Schema"]["Properties"]["Code"]
    assert code == {"Fn::Sub": "${MigrationFunction.Version}"}


def test_each_function_reads_its_own_secret_and_no_other() -> None:
    own = {variables(function)["SECRETS_ARN"]["Ref"] for function in SETTINGS}
    kafka = {"KafkaSecretArn", "KafkaCaSecretArn"}
    assert len(own) == 4
    for function in SETTINGS:
        role = RESOURCES[RESOURCES[function]["Properties"]["Role"]["Fn::GetAtt"][0]]
        mentioned = set(re.findall(r"\w+SecretArn", str(role)))
        more = {"DatabaseOwnerSecretArn"} if function == "MigrationFunction" else kafka
        assert mentioned == {variables(function)["SECRETS_ARN"]["Ref"]} | more


def test_only_what_knows_no_resource_is_allowed_on_all() -> None:
    without_resource = re.compile(r"(xray|ec2|sns):")
    for resource in RESOURCES.values():
        for statement in statements(resource):
            if statement["Resource"] == "*":
                actions = statement["Action"]
                for action in [actions] if isinstance(actions, str) else actions:
                    assert without_resource.match(action), action


def test_snapstart_copies_share_only_modules() -> None:
    for function in ("GatewayFunction", "UserFunction", "NotificationFunction"):
        properties = RESOURCES[function]["Properties"]
        assert properties["AutoPublishAlias"] == "live"
        assert properties["AutoPublishAliasAllProperties"] is True  # another layer moves it, too
        assert properties["SnapStart"] == {"ApplyOn": {"Ref": "SnapStart"}}
        source = ROOT / "functions" / properties["Handler"].partition(".")[0] / "handler.py"
        assert "LambdaFunction(" in source.read_text()


def test_all_logs_end_some_day_and_every_alarm_tells_somebody() -> None:
    kinds = {resource["Type"] for resource in RESOURCES.values()}
    assert "AWS::Logs::LogGroup" in kinds
    for name, resource in RESOURCES.items():
        if resource["Type"] == "AWS::Logs::LogGroup":
            assert resource["Properties"]["RetentionInDays"], name
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            assert resource["Properties"]["AlarmActions"], name
    for function in functions():
        assert RESOURCES[function]["Properties"]["LoggingConfig"]["LogGroup"], function


def test_settings_modules_are_where_this_test_thinks() -> None:
    for function, settings in SETTINGS.items():
        handler = RESOURCES[function]["Properties"]["Handler"].partition(".")[0]
        assert importlib.import_module(settings.__module__).__name__.startswith(handler)


def statements(resource: dict[str, Any]) -> list[dict[str, Any]]:
    """The statements of a role or policy, whatever their conditions."""
    properties = resource.get("Properties") or {}
    documents = [policy["PolicyDocument"] for policy in properties.get("Policies") or []]
    if resource["Type"] == "AWS::IAM::Policy":
        documents.append(properties["PolicyDocument"])
    found = [statement for document in documents for statement in document["Statement"]]
    return [each["Fn::If"][1] if "Fn::If" in each else each for each in found]
