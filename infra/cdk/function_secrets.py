"""The secrets, encrypted with our key; ``deploytime.keys`` fills and rotates them."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Duration, RemovalPolicy, SecretValue
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.cdk.deploytime_function import DeployTimeFunction
from infra.cdk.options import Options

_ROTATION = Duration.days(30)
KEY_WAITS = Duration.days(7)  # AWS's least; the key of a deleted stack is deleted then


class FunctionSecrets(Construct):
    """One secret for each function, one for CloudFront, and the key that encrypts them.

    Attributes:
        key: used for everything at rest.
        gateway, user, migration, notification: the secrets, each for the function of that name.
        front: the secret by which the gateway knows CloudFront.
    """

    def __init__(self, scope: Construct, construct_id: str, *, options: Options) -> None:
        super().__init__(scope, construct_id)
        self._options = options
        self._kept = RemovalPolicy.RETAIN if options.stage.retain_data else RemovalPolicy.DESTROY
        self.key = kms.Key(
            self,
            "Key",
            description="Secrets and stored data of the user services",
            enable_key_rotation=True,
            pending_window=KEY_WAITS,
            removal_policy=self._kept,
        )
        self.gateway = self._secret("Gateway")
        self.user = self._secret("User")
        self.migration = self._secret("Migration")
        self.notification = self._secret("Notification")
        self.front = self._secret("Front")

    def fill(
        self, properties: Mapping[str, object], read: list[iam.PolicyStatement]
    ) -> DeployTimeFunction:
        """Fill the secrets at each deployment, and rotate their keys every 30 days.

        Args:
            properties: the source of the addresses (``deploytime.keys``).
            read: permissions to read, besides the secrets themselves.
        """
        arns = {
            "GatewaySecretArn": self.gateway.secret_arn,
            "UserSecretArn": self.user.secret_arn,
            "MigrationSecretArn": self.migration.secret_arn,
            "NotificationSecretArn": self.notification.secret_arn,
            "FrontSecretArn": self.front.secret_arn,
        }
        keys = DeployTimeFunction(
            self,
            "Keys",
            module="keys",
            options=self._options,
            statements=[
                iam.PolicyStatement(
                    actions=["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"],
                    resources=list(arns.values()),
                ),
                iam.PolicyStatement(
                    actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[self.key.key_arn]
                ),
                *read,
            ],
        )
        keys.run("Filled", "Keys", {**arns, **properties})
        events.Rule(
            self,
            "Rotation",
            description="Exchanges the functions' keys",
            schedule=events.Schedule.rate(_ROTATION),
            targets=[
                targets.LambdaFunction(
                    keys.function,
                    event=events.RuleTargetInput.from_object({"Rotate": {**arns, **properties}}),
                )
            ],
        )
        return keys

    def _secret(self, name: str) -> secretsmanager.Secret:
        return secretsmanager.Secret(
            self,
            name,
            description=f"{name} of the user services",
            encryption_key=self.key,
            # Only the first content: an update of the stack does not change it.
            secret_string_value=SecretValue.unsafe_plain_text("{}"),
            removal_policy=self._kept,
        )
