"""The service: ``template.yaml`` as it is, its parameters bound, its code taken from ``dist/``.

No function and no mapping is defined here. Added are only the facts of a deployment: the built
code, the permissions to use keys, and how traffic moves to a new version.
"""

from __future__ import annotations

from typing import Any, Final, TypedDict

from aws_cdk import App, CfnResource, Fn, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3_assets as assets
from aws_cdk import aws_sam as sam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import cloudformation_include as include

from infra.cdk.bus import Kafka
from infra.cdk.data import NO_STORES, Stores
from infra.cdk.function_secrets import KEY_WAITS, FunctionSecrets
from infra.cdk.naming import ROOT
from infra.cdk.options import Options
from infra.cdk.project_stack import ProjectStack

TEMPLATE: Final = ROOT / "template.yaml"
ROLES: Final = ("GatewayRole", "UserRole", "MigrationRole", "NotificationRole")
RELEASED: Final = {
    # A function, and the alarms that stop the release of its new version.
    "GatewayFunction": ("GatewayErrorsAlarm", "GatewayThrottlesAlarm", "ApiErrorsAlarm"),
    "UserFunction": ("UserErrorsAlarm", "UserThrottlesAlarm", "UserGivenUpAlarm"),
    "NotificationFunction": ("NotificationErrorsAlarm", "NotificationGivenUpAlarm"),
}
# Unused without MSK, but CloudFormation parses it in policies that it then does not create.
NO_CLUSTER: Final = "arn:aws:kafka:::cluster/none/none"


class NotBuilt(Exception):
    """``dist/`` is missing; the message names the command that makes it."""


class _Location(TypedDict):
    """The place of built code in S3."""

    bucket: str
    key: str


class ServiceStack(ProjectStack):
    """Functions, API, event source mappings and their alarms.

    Attributes:
        template: the included template.
        alarms: the SNS topic of the alarms.
        msk_cluster_arn: as it stands in the synthesized template.
    """

    def __init__(
        self,
        app: App,
        options: Options,
        *,
        kafka: Kafka,
        secrets: FunctionSecrets,
        subnet_ids: list[str],
        security_group_ids: list[str],
        kms_key_arns: tuple[str, ...] = (),
        stores: Stores = NO_STORES,
    ) -> None:
        super().__init__(app, "service", options)
        self.alarms = self._alarms(options)
        self.msk_cluster_arn: Any = self.resolve(kafka.msk_cluster_arn or NO_CLUSTER)
        self.template = include.CfnInclude(
            self,
            "Template",
            template_file=str(TEMPLATE),
            parameters={
                **_choices(options),
                **_kafka(kafka),
                "GatewaySecretArn": secrets.gateway.secret_arn,
                "UserSecretArn": secrets.user.secret_arn,
                "MigrationSecretArn": secrets.migration.secret_arn,
                "DatabaseOwnerSecretArn": stores.owner_secret_arn,
                "NotificationSecretArn": secrets.notification.secret_arn,
                "SubnetIds": subnet_ids,
                "SecurityGroupIds": security_group_ids,
                "AlarmTopicArn": self.alarms.topic_arn,
            },
        )
        self.template.node.find_child("$Rules").node.try_remove_child("IamIsMsk")
        self._decide("IsMsk", holds=bool(kafka.msk_cluster_arn))
        self._decide("InVpc", holds=True)
        self._decide("HasAlarmTopic", holds=True)
        self._decide("HasOwnerSecret", holds=bool(stores.owner_secret_arn))
        self._use_built_code()
        self._release_safely(options)
        if not options.stage.retain_data:
            self._leave_nothing()
        self._grant_keys(secrets, kms_key_arns)
        self._grant_stores(stores)

    def resource(self, logical_id: str) -> CfnResource:
        """Return a resource of the template."""
        return self.template.get_resource(logical_id)

    def _alarms(self, options: Options) -> sns.Topic:
        key = kms.Key(
            self,
            "AlarmsKey",
            description="Alarms on their way",
            enable_key_rotation=True,
            pending_window=KEY_WAITS,
            removal_policy=RemovalPolicy.DESTROY,
        )
        key.grant_encrypt_decrypt(iam.ServicePrincipal("cloudwatch.amazonaws.com"))
        topic = sns.Topic(self, "Alarms", master_key=key, enforce_ssl=True)
        if options.alarm_email:
            topic.add_subscription(subscriptions.EmailSubscription(options.alarm_email))
        return topic

    def _decide(self, condition: str, *, holds: bool) -> None:
        """Replace a condition by its value.

        CloudFormation allows only parameters in conditions and rules. A parameter that is bound to
        another stack's output is none any more.
        """
        expression = Fn.condition_equals("yes", "yes" if holds else "no")
        self.template.get_condition(condition).expression = expression

    def _use_built_code(self) -> None:
        """Point every ``CodeUri`` and ``ContentUri`` at what ``make build`` has made."""
        for resource in self.template.node.find_all():
            if isinstance(resource, sam.CfnFunction):
                resource.code_uri = sam.CfnFunction.S3LocationProperty(
                    **self._asset(resource, resource.code_uri)
                )
            elif isinstance(resource, sam.CfnLayerVersion):
                resource.content_uri = sam.CfnLayerVersion.S3LocationProperty(
                    **self._asset(resource, resource.content_uri)
                )

    def _asset(self, resource: CfnResource, uri: object) -> _Location:
        folder = ROOT / str(uri)
        if not folder.is_dir():
            raise NotBuilt(f"{uri} is not there. Build it first: make build")
        asset = assets.Asset(self, f"Code{resource.node.id}", path=str(folder))
        return {"bucket": asset.s3_bucket_name, "key": asset.s3_object_key}

    def _release_safely(self, options: Options) -> None:
        if options.stage.release == "AllAtOnce":
            return
        for function, alarms in RELEASED.items():
            preference = {
                "Type": options.stage.release,
                "Alarms": [{"Ref": alarm} for alarm in alarms],
            }
            self._property(function, "DeploymentPreference", preference)

    def _leave_nothing(self) -> None:
        """Delete the layer's old versions with the stack.

        By default SAM keeps them.
        """
        self._property("SharedLayer", "RetentionPolicy", "Delete")

    def _grant_keys(self, secrets: FunctionSecrets, own: tuple[str, ...]) -> None:
        for role in ROLES:
            self._policy(f"{role}Decrypts", role, ["kms:Decrypt"], [secrets.key.key_arn, *own])

    def _grant_stores(self, stores: Stores) -> None:
        if stores.database_user_arn:
            database = [stores.database_user_arn]
            self._policy("UserRoleConnects", "UserRole", ["rds-db:connect"], database)
        for role in ("GatewayRole", "NotificationRole") if stores.cache_arns else ():
            cache = list(stores.cache_arns)
            self._policy(f"{role}Connects", role, ["elasticache:Connect"], cache)

    def _policy(self, name: str, role: str, actions: list[str], resources: list[str]) -> None:
        policy = iam.CfnPolicy(
            self,
            name,
            policy_name=name,
            roles=[self.resource(role).ref],
            policy_document=iam.PolicyDocument(
                statements=[iam.PolicyStatement(actions=actions, resources=resources)]
            ),
        )
        if role == "MigrationRole":
            # The migration runs while the stack is created, and needs all its policies.
            self.resource("Schema").add_resource_dependency(policy)

    def _property(self, logical_id: str, name: str, value: object) -> None:
        self.resource(logical_id).add_property_override(name, value)


def _choices(options: Options) -> dict[str, Any]:
    stage = options.stage
    return {
        "Architecture": options.architecture,
        "MailFrom": options.mail_from,
        "MailTransport": options.mail_transport,
        "SmsTransport": options.sms_transport,
        "LinkBaseUrl": options.link_base_url,
        "LogRetentionDays": stage.log_days,
        "ThrottlingRate": stage.requests_per_second,
        "ThrottlingBurst": 2 * stage.requests_per_second,
        "SnapStart": "PublishedVersions",
        "Front": "cloudfront" if options.has_front else "none",
        "SchemaVersion": newest_migration(),
    }


def _kafka(kafka: Kafka) -> dict[str, Any]:
    return {
        "KafkaBootstrapServers": kafka.bootstrap_servers,
        "MskClusterArn": kafka.msk_cluster_arn or NO_CLUSTER,
        "KafkaSecurityProtocol": kafka.security_protocol,
        "KafkaSaslMechanism": kafka.sasl_mechanism,
        "KafkaSecretArn": kafka.secret_arn,
        "KafkaCaSecretArn": kafka.ca_secret_arn,
    }


def newest_migration() -> str:
    """Return the name of the last migration; a change of it runs the migrations."""
    found = sorted(path.stem for path in (ROOT / "functions/user/migrations").glob("[0-9]*.sql"))
    return [name for name in found if not name.endswith(".rollback")][-1]
