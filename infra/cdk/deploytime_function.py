"""A function that only deployments run, with the shared layer under it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from aws_cdk import CustomResource, Duration, IgnoreMode, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.cdk.naming import ROOT
from infra.cdk.network import log_retention
from infra.cdk.options import Options

_TIMEOUT = Duration.minutes(5)
# CloudFormation waits a little longer than the function may take, and no more.
_ANSWER_TIMEOUT = Duration.minutes(6)


class DeployTimeFunction(Construct):
    """One of the functions in ``infra/cdk/deploytime``.

    Args:
        module: its module there.
        environment: its variables.
        statements: its permissions, besides writing its log.
        subnet_ids, security_group_ids: its place in a network; empty for none.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        module: str,
        options: Options,
        statements: Sequence[iam.PolicyStatement],
        environment: Mapping[str, str] | None = None,
        subnet_ids: Sequence[str] = (),
        security_group_ids: Sequence[str] = (),
    ) -> None:
        super().__init__(scope, construct_id)
        records = logs.LogGroup(
            self,
            "Logs",
            retention=log_retention(options.stage),
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.role = _role(self, records, statements, in_network=bool(subnet_ids))
        self.function = lambda_.Function(
            self,
            "Function",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=_architecture(options),
            handler=f"deploytime.{module}.handler",
            code=_code(),
            layers=[_layer(self, options)],
            role=self.role,
            log_group=records,
            timeout=_TIMEOUT,
            memory_size=512,
            environment=dict(environment or {}),
        )
        if subnet_ids:
            resource = cast("lambda_.CfnFunction", self.function.node.default_child)
            resource.vpc_config = lambda_.CfnFunction.VpcConfigProperty(
                subnet_ids=list(subnet_ids), security_group_ids=list(security_group_ids)
            )

    def run(self, construct_id: str, kind: str, properties: Mapping[str, object]) -> CustomResource:
        """Add a custom resource, for which the function runs when the properties change."""
        return CustomResource(
            self,
            construct_id,
            resource_type=f"Custom::{kind}",
            service_token=self.function.function_arn,
            service_timeout=_ANSWER_TIMEOUT,
            properties=dict(properties),
        )


def _role(
    scope: Construct,
    records: logs.LogGroup,
    statements: Sequence[iam.PolicyStatement],
    *,
    in_network: bool,
) -> iam.Role:
    allowed = [
        iam.PolicyStatement(
            actions=["logs:CreateLogStream", "logs:PutLogEvents"],
            resources=[records.log_group_arn],
        ),
        *statements,
    ]
    if in_network:
        allowed.append(
            iam.PolicyStatement(
                sid="NetworkInterfaces",
                actions=[
                    "ec2:AssignPrivateIpAddresses",
                    "ec2:CreateNetworkInterface",
                    "ec2:DeleteNetworkInterface",
                    "ec2:DescribeNetworkInterfaces",
                    "ec2:DescribeSubnets",
                    "ec2:UnassignPrivateIpAddresses",
                ],
                resources=["*"],
            )
        )
    return iam.Role(
        scope,
        "Role",
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        inline_policies={"deploytime": iam.PolicyDocument(statements=allowed)},
    )


def _code() -> lambda_.Code:
    return lambda_.Code.from_asset(
        str(ROOT / "infra/cdk"),
        exclude=["*", "!deploytime", "!deploytime/*.py"],
        ignore_mode=IgnoreMode.GIT,
    )


def _layer(scope: Construct, options: Options) -> lambda_.LayerVersion:
    return lambda_.LayerVersion(
        scope,
        "Layer",
        code=lambda_.Code.from_asset(str(ROOT / "dist/shared-layer")),
        compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
        compatible_architectures=[_architecture(options)],
    )


def _architecture(options: Options) -> lambda_.Architecture:
    if options.architecture == "arm64":
        return lambda_.Architecture.ARM_64
    return lambda_.Architecture.X86_64
