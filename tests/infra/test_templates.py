"""What the synthesized templates promise: to operators, to auditors, and to who pays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from infra.cdk.environments import DEV, PROD
from infra.cdk.options import OptionError, read_options, read_self_managed
from shared.contract.topics import TOPICS
from tests.infra.synthesis import SELF_MANAGED, Assembly, Json, dev, on_own_kafka, prod

ALL = pytest.mark.parametrize("made", [dev, prod, on_own_kafka], ids=lambda made: made.__name__)
Made = Callable[[], Assembly]

# An action that knows no resources, or a resource that only a class of names can tell.
WITHOUT_RESOURCE = {
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
    "ec2:UnassignPrivateIpAddresses",
    "sns:Publish",  # to a phone number
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
}
STORES = {
    "AWS::RDS::DBCluster",
    "AWS::SecretsManager::Secret",
    "AWS::MSK::Cluster",
    "AWS::MSK::ServerlessCluster",
}


def statements(assembly: Assembly) -> Iterator[tuple[str, Json]]:
    """Every statement of every policy of a role, with where it stands."""
    for part, name, resource in assembly.all_resources():
        properties = resource.get("Properties", {})
        documents = [properties.get("PolicyDocument")] if "IAM" in resource["Type"] else []
        documents += [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
        for document in filter(None, documents):
            for statement in document["Statement"]:
                # A statement under a condition is the condition's second part.
                given = statement["Fn::If"][1] if "Fn::If" in statement else statement
                yield f"{part}/{name}", given


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@ALL
def test_no_policy_allows_every_action_or_resource_without_need(made: Made) -> None:
    for where, statement in statements(made()):
        actions = set(listed(statement["Action"]))
        assert not {action for action in actions if "*" in action}, where
        if "*" in listed(statement["Resource"]):
            assert actions <= WITHOUT_RESOURCE, where


@ALL
def test_nothing_is_reachable_from_outside_but_the_api(made: Made) -> None:
    kinds = {resource["Type"] for _, _, resource in made().all_resources()}
    assert not kinds & {"AWS::EC2::InternetGateway", "AWS::EC2::NatGateway", "AWS::Lambda::Url"}
    for _, name, resource in made().all_resources():
        properties = resource.get("Properties", {})
        assert not properties.get("PubliclyAccessible"), name
        rules = properties.get("SecurityGroupIngress", [])
        if resource["Type"] == "AWS::EC2::SecurityGroupIngress":
            rules = [properties]
        assert not [rule for rule in rules if "CidrIp" in rule], name


def test_the_network_has_private_subnets_in_each_zone_and_no_way_out() -> None:
    assembly = prod()

    subnets = assembly.resources("network", "AWS::EC2::Subnet")
    routes = assembly.resources("network", "AWS::EC2::Route")

    assert len(subnets) == PROD.zones
    assert not any(s["Properties"].get("MapPublicIpOnLaunch") for s in subnets.values())
    assert routes == {}


def test_the_database_is_encrypted_and_takes_iam_over_tls_only() -> None:
    cluster = dev().only("data", "AWS::RDS::DBCluster")
    proxy = dev().only("data", "AWS::RDS::DBProxy")

    assert cluster["EngineVersion"].startswith("17.")
    assert cluster["StorageEncrypted"]
    assert cluster["ManageMasterUserPassword"]
    assert "MasterUserPassword" not in cluster
    assert proxy["RequireTLS"]
    assert proxy["DBProxyName"] == dev().stack_name("data")  # unique in an account and region
    assert proxy["DefaultAuthScheme"] == "IAM_AUTH"
    assert "Auth" not in proxy  # there is no password for it to know
    assert cluster["ServerlessV2ScalingConfiguration"] == {
        "MinCapacity": DEV.database_min_acu,
        "MaxCapacity": DEV.database_max_acu,
    }


def test_the_function_signs_in_as_a_role_of_its_own_and_only_the_migration_as_the_owner() -> None:
    cluster = dev().only("data", "AWS::RDS::DBCluster")
    told = dev().only("data", "Custom::Keys")["Connections"]
    migration = dev().templates["service"]["Resources"]["MigrationRole"]["Properties"]

    assert f"//{cluster['MasterUsername']}@" in str(told["DATABASE_OWNER_URL"])
    assert "//service@" in str(told["DATABASE_URL"])
    assert cluster["MasterUsername"] != "service"
    for where, statement in statements(dev()):
        if statement["Action"] == "rds-db:connect":
            assert "/service" in str(statement["Resource"]), where
    readers = {where for where, each in statements(dev()) if "MasterUserSecret" in str(each)}
    assert readers == {"service/MigrationRole"}
    assert migration["Policies"][0]["PolicyDocument"]["Statement"][1]["Sid"] == "ReadSecrets"


def test_the_cache_has_one_user_who_signs_in_by_iam() -> None:
    user = dev().only("data", "AWS::ElastiCache::User")
    cache = dev().only("data", "AWS::ElastiCache::ServerlessCache")
    told = dev().only("data", "Custom::Keys")["Connections"]
    connecting = {
        where: str(statement["Resource"])
        for where, statement in statements(dev())
        if statement["Action"] == "elasticache:Connect"
    }

    assert user["AuthenticationMode"] == {"Type": "iam"}
    assert user["UserId"] == user["UserName"]  # IAM wants it so
    assert len(user["UserId"]) <= 40
    assert told["REDIS_IAM_CACHE"] == cache["ServerlessCacheName"]
    assert f"//{user['UserName']}@" in str(told["REDIS_URL"])
    assert set(connecting) == {"service/GatewayRoleConnects", "service/NotificationRoleConnects"}
    for resources in connecting.values():
        assert f"serverlesscache:{cache['ServerlessCacheName']}" in resources
        assert f"user:{user['UserId']}" in resources


@ALL
def test_no_password_is_made_or_passed_on(made: Made) -> None:
    for _, name, resource in made().all_resources():
        assert "GenerateSecretString" not in resource.get("Properties", {}), name
        assert "Passwords" not in str(resource.get("Properties")), name


def test_kafka_takes_iam_only() -> None:
    serverless = dev().only("bus", "AWS::MSK::ServerlessCluster")["ClientAuthentication"]
    express = prod().only("bus", "AWS::MSK::Cluster")

    assert serverless == {"Sasl": {"Iam": {"Enabled": True}}}
    assert express["ClientAuthentication"]["Unauthenticated"] == {"Enabled": False}
    assert express["EncryptionInfo"]["EncryptionInTransit"]["ClientBroker"] == "TLS"
    assert express["NumberOfBrokerNodes"] == len(prod().resources("network", "AWS::EC2::Subnet"))


@ALL
def test_every_secret_is_encrypted_with_our_key_and_no_template_holds_one(made: Made) -> None:
    secrets = made().resources("data", "AWS::SecretsManager::Secret").values()

    assert len(secrets) >= 3
    for secret in secrets:
        assert "KmsKeyId" in secret["Properties"]
        content = secret["Properties"].get("SecretString", "{}")
        assert content == "{}"


@ALL
def test_the_topics_are_stated_in_the_template_and_made_before_the_service(made: Made) -> None:
    stated = made().only("bus", "Custom::Topics")

    assert [
        (topic["Name"], int(topic["Partitions"]), int(topic["RetentionMs"]))
        for topic in stated["Topics"]
    ] == [tuple(topic) for topic in TOPICS]
    assert {"bus", "data"} <= set(made().manifest()["service"]["dependencies"])


def test_only_msk_serverless_is_not_asked_for_segments() -> None:
    assert dev().only("bus", "Custom::Topics")["RollSegments"] == "false"
    assert prod().only("bus", "Custom::Topics")["RollSegments"] == "true"
    assert on_own_kafka().only("bus", "Custom::Topics")["RollSegments"] == "true"


@ALL
def test_the_schema_is_migrated_before_the_user_function_changes(made: Made) -> None:
    function = made().templates["service"]["Resources"]["UserFunction"]

    assert "Schema" in listed(function["DependsOn"])


def test_the_migration_waits_until_it_may_read_its_secret_and_reach_the_database() -> None:
    schema = dev().templates["service"]["Resources"]["Schema"]

    assert "MigrationRoleDecrypts" in listed(schema["DependsOn"])


def test_stored_data_outlives_prod_and_nothing_outlives_dev() -> None:
    for _, name, resource in prod().all_resources():
        if resource["Type"] in STORES:
            assert resource["DeletionPolicy"] == "Retain", name
            assert resource["UpdateReplacePolicy"] == "Retain", name
    for _, name, resource in dev().all_resources():
        assert resource.get("DeletionPolicy", "Delete") == "Delete", name
    manifest = prod().manifest()
    protected = {
        p for p in prod().templates if manifest[p]["properties"].get("terminationProtection")
    }
    assert protected >= {"network", "data", "bus", "service", "firewall", "front"}


def test_no_log_group_is_left_to_services_that_make_their_own_and_keep_them() -> None:
    cluster = dev().only("data", "AWS::RDS::DBCluster")
    groups = [
        each["Properties"].get("LogGroupName")
        for _, _, each in dev().all_resources()
        if each["Type"] == "AWS::Logs::LogGroup"
    ]

    assert f"/aws/rds/cluster/{cluster['DBClusterIdentifier']}/postgresql" in groups
    assert f"/aws/rds/proxy/{dev().only('data', 'AWS::RDS::DBProxy')['DBProxyName']}" in groups
    for _, name, resource in dev().all_resources():
        if resource["Type"] == "AWS::Lambda::Function":
            assert resource["Properties"]["LoggingConfig"]["LogGroup"], name


def test_a_key_whose_stack_is_gone_does_not_wait_longer_than_it_must() -> None:
    for _, name, resource in dev().all_resources():
        if resource["Type"] == "AWS::KMS::Key":
            assert resource["Properties"]["PendingWindowInDays"] == 7, name


def test_a_layer_goes_with_dev_and_an_old_one_stays_for_a_roll_back_in_prod() -> None:
    def retention(assembly: Assembly) -> object:
        layer = assembly.templates["service"]["Resources"]["SharedLayer"]
        return layer["Properties"].get("RetentionPolicy")

    assert retention(dev()) == "Delete"
    assert retention(prod()) is None


def test_prod_moves_a_tenth_of_the_traffic_first_and_an_alarm_moves_it_back() -> None:
    resources = prod().templates["service"]["Resources"]
    for name in ("GatewayFunction", "UserFunction", "NotificationFunction"):
        preference = resources[name]["Properties"]["DeploymentPreference"]
        assert preference["Type"] == PROD.release == "Canary10Percent5Minutes"
        for alarm in preference["Alarms"]:
            assert resources[alarm["Ref"]]["Type"] == "AWS::CloudWatch::Alarm"
    assert "DeploymentPreference" not in str(dev().templates["service"])


@ALL
def test_each_function_has_a_live_version_with_a_snapshot(made: Made) -> None:
    resources = made().templates["service"]["Resources"]
    for name in ("GatewayFunction", "UserFunction", "NotificationFunction"):
        properties = resources[name]["Properties"]
        assert properties["AutoPublishAlias"] == "live"
        assert properties["AutoPublishAliasAllProperties"]
        assert properties["SnapStart"] == {"ApplyOn": "PublishedVersions"}


@ALL
def test_no_condition_depends_on_another_stack(made: Made) -> None:
    """CloudFormation takes only parameters there; such a template is refused."""
    template = made().templates["service"]

    assert "Fn::ImportValue" not in str(template.get("Conditions"))
    assert "Fn::ImportValue" not in str(template.get("Rules"))


def test_operators_are_told_of_slow_answers_old_records_and_cost() -> None:
    alarms = prod().resources("operations", "AWS::CloudWatch::Alarm").values()
    budget = prod().only("operations", "AWS::Budgets::Budget")
    told = prod().only("service", "AWS::SNS::Subscription")

    metrics = {name for alarm in alarms for name in _metrics(alarm["Properties"])}
    assert metrics == {"Latency", "EstimatedMaxTimeLag"}
    assert all(alarm["Properties"]["AlarmActions"] for alarm in alarms)
    assert budget["Budget"]["BudgetLimit"]["Amount"] == PROD.budget_usd
    assert told["Endpoint"] == "operators@example.com"


def _metrics(alarm: Json) -> set[str]:
    """Return an alarm's metrics; a percentile stands in another member than a sum."""
    parts = [each["MetricStat"]["Metric"] for each in alarm.get("Metrics", [])]
    return {part["MetricName"] for part in parts or [alarm]}


@ALL
def test_the_dashboard_shows_every_topic_that_is_read(made: Made) -> None:
    body = str(made().only("operations", "AWS::CloudWatch::Dashboard")["DashboardBody"])

    for topic in TOPICS:
        if topic.name.startswith(("user.", "notification.send")) and "failed" not in topic.name:
            assert topic.name in body


@pytest.mark.parametrize(
    ("context", "told"),
    [
        ({"environment": "production"}, "environment"),
        ({"kafka": "confluent"}, "kafka"),
        ({"domain-name": "api.example.com"}, "certificate-arn"),
        ({"mail-transport": "smtp"}, "self-managed"),
        (
            {
                "domain-name": "api.example.com",
                "hosted-zone-id": "Z0",
                "certificate-arn": "arn:aws:acm:eu-central-1:1:certificate/0",
            },
            "us-east-1",
        ),
    ],
)
def test_an_option_that_cannot_be_used_is_named(context: dict[str, str], told: str) -> None:
    with pytest.raises(OptionError, match=told):
        read_options(context.get)


def test_a_file_of_ones_own_kafka_that_cannot_be_used_says_why(tmp_path: Any) -> None:
    unknown, missing = tmp_path / "own.json", tmp_path / "none.json"
    unknown.write_text('{"kafka": "b-1:9092"}')

    with pytest.raises(OptionError, match="kafka"):
        read_self_managed(unknown)
    with pytest.raises(OptionError, match="cannot be read"):
        read_self_managed(missing)
    assert len(read_self_managed(SELF_MANAGED).vpc_subnet_ids) == 2
