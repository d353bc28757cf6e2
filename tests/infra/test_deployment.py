"""The service deployed by ``cdk deploy`` to a stand-in for AWS, updated, and destroyed.

Kafka, PostgreSQL and Redis are real: the deployment makes the topics, fills the secrets and
migrates the schema by running the deploy-time functions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from confluent_kafka.admin import AdminClient

from local.process import Group
from local.services import apache_kafka
from local.services.kafka_jars import KafkaUnavailable, class_path, java
from shared.contract.topics import TOPICS
from tests.infra.account import REGION, Account
from tests.infra.stand_in import custom
from tests.infra.synthesis import Assembly, synthesized
from tests.services import start

FUNCTIONS = ("GatewayFunction", "UserFunction", "NotificationFunction")
READ = {topic.name for topic in TOPICS} - {"gateway.reply", "user.failed", "notification.failed"}
SECRETS = ("gateway", "user", "migration", "notification", "front")
ROLE = "deployed"  # whom the user function signs in as
_OWN = {
    "kafka-security-protocol": "PLAINTEXT",
    "kafka-sasl-mechanism": "",
    "vpc-subnet-ids": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
    "security-group-ids": ["sg-0123456789abcdef0"],
}


class Deployment(NamedTuple):
    """What has been deployed, and where."""

    account: Account
    assembly: Assembly
    kafka: str
    database: str

    @property
    def function_database(self) -> str:
        """The database, as the user function reaches it."""
        return as_role(self.database)

    def ids(self, part: str) -> dict[str, str]:
        """Physical ids of a stack's resources."""
        return self.account.resources(self.assembly.stack_name(part))

    def secret_arn(self, name: str) -> str:
        """Where a function's secret is."""
        prefix = f"Secrets{name.title()}"
        (arn,) = (arn for id_, arn in self.ids("data").items() if id_.startswith(prefix))
        return arn

    def secret(self, name: str) -> dict[str, str]:
        """Return the content of a function's secret."""
        arn = self.secret_arn(name)
        client = self.account.client("secretsmanager")
        content: dict[str, str] = json.loads(client.get_secret_value(SecretId=arn)["SecretString"])
        return content


def as_role(database: str) -> str:
    """Return the URL with the user function's role instead of the owner."""
    _, _, place = database.rpartition("@")
    return f"postgresql://{ROLE}:{ROLE}@{place}"


def names(keys: str) -> list[str]:
    """Return the names of a set's keys, in their order."""
    return [key["kid"] for key in json.loads(keys)["keys"]]


@pytest.fixture(scope="module")
def kafka(group: Group, service_folder: Path) -> Iterator[str]:
    """Apache Kafka, empty."""
    try:
        java()
        class_path(apache_kafka.JARS)
    except KafkaUnavailable as reason:
        pytest.skip(str(reason))
    process, told = start(apache_kafka.command(service_folder / "infra-kafka"), group)
    yield told["address"]
    process.stop()


@pytest.fixture(scope="module")
def database(database_url: str) -> str:
    """PostgreSQL, empty, with a role for the user function."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE deployed_test")
        connection.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{ROLE}'")
    return database_url.replace("/app_test", "/deployed_test")


def own(
    folder: Path, account: Account, kafka: str, *, environment: str = "dev", **connections: str
) -> Assembly:
    """Return the application on stores that exist."""
    made = account.client("secretsmanager").create_secret(
        Name=f"connections-{folder.name}", SecretString=json.dumps(connections)
    )
    path = folder / "own.json"
    given = {"kafka-bootstrap-servers": kafka, "connections-secret-arn": made["ARN"]}
    path.write_text(json.dumps({**_OWN, **given}))
    return synthesized(environment=environment, self_managed=str(path))


@pytest.fixture(scope="module")
def deployment(
    account: Account,
    kafka: str,
    database: str,
    redis_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Deployment:
    folder = tmp_path_factory.mktemp("own")
    assembly = own(
        folder,
        account,
        kafka,
        DATABASE_URL=as_role(database),
        DATABASE_OWNER_URL=database,
        REDIS_URL=redis_url,
    )
    said = account.cdk_deploy(assembly, "data", "bus", "service")
    assert said.code == 0, said.text
    return Deployment(account, assembly, kafka, database)


def test_functions_are_there_with_the_built_code(deployment: Deployment) -> None:
    client = deployment.account.client("lambda")
    ids = deployment.ids("service")

    for name in FUNCTIONS:
        found = client.get_function(FunctionName=ids[name])["Configuration"]

        assert found["Runtime"] == "python3.13"
        assert found["CodeSize"] > 100_000
        assert client.get_alias(FunctionName=ids[name], Name="live")["FunctionVersion"] == "1"


def test_every_topic_of_a_function_is_read_by_a_mapping_to_its_live_alias(
    deployment: Deployment,
) -> None:
    client = deployment.account.client("lambda")

    found = client.list_event_source_mappings()["EventSourceMappings"]

    assert sorted(each["Topics"][0] for each in found) == sorted(READ)
    for mapping in found:
        assert mapping["FunctionArn"].endswith(":live")
        assert mapping["ProvisionedPollerConfig"]["PollerGroupName"] == "user-services"
        servers = mapping["SelfManagedEventSource"]["Endpoints"]["KafkaBootstrapServers"]
        assert servers == [deployment.kafka]


def test_the_api_leads_every_request_to_the_gateway(deployment: Deployment) -> None:
    client = deployment.account.client("apigatewayv2")
    (api,) = client.get_apis()["Items"]

    (route,) = client.get_routes(ApiId=api["ApiId"])["Items"]

    assert api["ProtocolType"] == "HTTP"
    assert route["RouteKey"] == "$default"
    assert f"{deployment.ids('service')['GatewayFunction']}:live" in route["Target"]


def test_topics_were_made_as_the_code_states_them(deployment: Deployment) -> None:
    found = AdminClient({"bootstrap.servers": deployment.kafka}).list_topics(timeout=30).topics

    for topic in TOPICS:
        assert len(found[topic.name].partitions) == topic.partitions


def test_the_schema_was_migrated_for_a_function_that_may_not_change_it(
    deployment: Deployment,
) -> None:
    with psycopg.connect(deployment.function_database) as connection:
        answer = connection.execute("SELECT count(*) FROM users").fetchone()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("ALTER TABLE users ADD COLUMN more text")

    assert answer == (0,)


def test_secrets_hold_all_that_settings_need_and_each_only_its_own(deployment: Deployment) -> None:
    assert set(deployment.secret("gateway")) == {
        "REDIS_URL",
        "JWT_SIGNING_KEYS",
        "USER_PUBLIC_KEYS",
        "NOTIFICATION_PUBLIC_KEYS",
        "ORIGIN_SECRETS",
    }
    assert set(deployment.secret("user")) == {"DATABASE_URL", "USER_PRIVATE_KEYS"}
    assert set(deployment.secret("notification")) == {"REDIS_URL", "NOTIFICATION_PRIVATE_KEYS"}
    assert deployment.secret("user")["DATABASE_URL"] == deployment.function_database
    owner = {"DATABASE_URL": deployment.database, "DATABASE_ROLE": ROLE}
    assert deployment.secret("migration") == owner
    assert deployment.secret("front")["ORIGIN_SECRET"] in (
        deployment.secret("gateway")["ORIGIN_SECRETS"].split(",")
    )
    public = deployment.secret("gateway")["USER_PUBLIC_KEYS"]
    assert all("d" not in key for key in json.loads(public)["keys"])


def test_the_schedule_makes_the_next_key_the_current_one(deployment: Deployment) -> None:
    before = deployment.secret("gateway")
    (rule,) = deployment.assembly.resources("data", "AWS::Events::Rule").values()
    (target,) = rule["Properties"]["Targets"]
    arns = {f"{name.title()}SecretArn": deployment.secret_arn(name) for name in SECRETS}
    (filled,) = deployment.assembly.resources("data", "Custom::Keys").values()
    connections = filled["Properties"]["ConnectionsSecretArn"]
    request = {"Rotate": {**arns, "ConnectionsSecretArn": connections}}

    custom.run(
        "deploytime.keys.handler",
        {**Account.CREDENTIALS, "AWS_ENDPOINT_URL": deployment.account.url},
        request,
        REGION,
    )

    after = deployment.secret("gateway")
    assert "Rotate" in str(target["Input"])
    assert names(after["JWT_SIGNING_KEYS"])[0] == names(before["JWT_SIGNING_KEYS"])[1]
    assert names(after["USER_PUBLIC_KEYS"]) != names(before["USER_PUBLIC_KEYS"])
    assert set(names(after["USER_PUBLIC_KEYS"])) < set(
        names(deployment.secret("user")["USER_PRIVATE_KEYS"])
    )


def test_a_change_is_deployed_by_an_update_and_keys_stay(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = deployment.secret("user")
    changed = Assembly(deployment.assembly.folder)
    function = changed.templates["service"]["Resources"]["GatewayFunction"]
    function["Properties"]["MemorySize"] = 2048

    assert deployment.account.deploy(changed, "service") == "UPDATE_COMPLETE"

    client = deployment.account.client("lambda")
    name = deployment.ids("service")["GatewayFunction"]
    assert client.get_function_configuration(FunctionName=name)["MemorySize"] == 2048
    assert client.get_alias(FunctionName=name, Name="live")["FunctionVersion"] == "2"
    assert deployment.account.deploy(_retouched(deployment.assembly), "data") == "UPDATE_COMPLETE"
    assert deployment.secret("user") == before


def test_a_deployment_whose_topics_cannot_be_made_is_rolled_back_and_says_why(
    account: Account, deployment: Deployment, tmp_path: Path
) -> None:
    assembly = own(tmp_path, account, "127.0.0.1:1", DATABASE_URL="", REDIS_URL="")
    name = "bus-without-kafka"

    account.cloudformation.create_stack(
        StackName=name, TemplateBody=json.dumps(assembly.templates["bus"])
    )

    assert account.status(name) == "ROLLBACK_COMPLETE"
    reasons = [str(event.get("ResourceStatusReason")) for event in account.events(name)]
    assert any("Kafka at 127.0.0.1:1 cannot be reached" in reason for reason in reasons)


def test_destroyed_it_leaves_no_function_mapping_api_or_secret(deployment: Deployment) -> None:
    account = deployment.account

    for part in ("service", "bus", "data"):
        account.cloudformation.delete_stack(StackName=deployment.assembly.stack_name(part))

    left: dict[str, Any] = {
        "functions": account.client("lambda").list_functions()["Functions"],
        "mappings": account.client("lambda").list_event_source_mappings()["EventSourceMappings"],
        "layers": account.client("lambda").list_layers()["Layers"],
        "apis": account.client("apigatewayv2").get_apis()["Items"],
        "secrets": [
            name for name in account.secrets() if deployment.assembly.stack_name("data") in name
        ],
    }
    assert left == {name: [] for name in left}


def _retouched(assembly: Assembly) -> Assembly:
    """Return the same with a resource whose properties have changed."""
    changed = Assembly(assembly.folder)
    for resource in changed.resources("data", "Custom::Keys").values():
        resource["Properties"]["Again"] = "yes"
    return changed
