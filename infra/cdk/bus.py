"""Kafka, and its topics. The stack is complete only when the topics are as the code wants them.

The service's stack waits for this one, so no function runs before its topics exist.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from aws_cdk import App, Fn, RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_msk as msk
from constructs import Construct

from infra.cdk.data import read_permissions
from infra.cdk.deploytime_function import DeployTimeFunction
from infra.cdk.network import NetworkStack, log_retention
from infra.cdk.options import Options, SelfManaged
from infra.cdk.project_stack import ProjectStack
from shared.contract.topics import TOPICS

_IAM_PORT = 9098
_EXPRESS_VERSION = "3.8.x"
_EXPRESS_BROKERS = 3


class Kafka(msgspec.Struct, frozen=True, kw_only=True):
    """The connection to Kafka: parameters of ``template.yaml``."""

    bootstrap_servers: str
    msk_cluster_arn: str = ""
    security_protocol: str
    sasl_mechanism: str
    secret_arn: str = ""
    ca_secret_arn: str = ""

    def environment(self) -> dict[str, str]:
        """Return the connection as variables of a deploy-time function."""
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap_servers,
            "KAFKA_SECURITY_PROTOCOL": self.security_protocol,
            "KAFKA_SASL_MECHANISM": self.sasl_mechanism,
            "KAFKA_SECRET_ARN": self.secret_arn,
            "KAFKA_CA_SECRET_ARN": self.ca_secret_arn,
        }


class MskStack(ProjectStack):
    """An MSK cluster for IAM only, and the topics.

    Attributes:
        kafka: the connection to it.
    """

    def __init__(self, app: App, options: Options, network: NetworkStack, key: kms.IKey) -> None:
        super().__init__(app, "bus", options)
        self._network = network
        self._subnets = network.subnet_ids
        group = self._group()
        serverless = options.kafka == "serverless"
        arn = self._serverless(group) if serverless else self._express(group, key)
        self.kafka = Kafka(
            bootstrap_servers=self._brokers(arn),
            msk_cluster_arn=self.export_value(arn, name=f"{self.stack_name}-cluster"),
            security_protocol="SASL_SSL",
            sasl_mechanism="AWS_MSK_IAM",
        )
        add_topics(
            self,
            self.kafka,
            options=options,
            statements=self._administration(arn),
            subnet_ids=self._subnets,
            security_group_ids=[network.functions.security_group_id],
            # MSK Serverless does not let a client set when a segment is closed.
            roll_segments=not serverless,
        )

    def _group(self) -> ec2.SecurityGroup:
        """Return the cluster's security group, which lets itself in.

        Lambda's pollers are in the cluster's own security group.
        """
        group = self._network.group_for(self, "Kafka", _IAM_PORT, "Kafka")
        port = ec2.Port.tcp(_IAM_PORT)
        group.add_ingress_rule(group, port, "Kafka from Lambda's pollers")
        group.add_egress_rule(group, port, "Kafka from Lambda's pollers")
        return group

    def _serverless(self, group: ec2.SecurityGroup) -> str:
        cluster = msk.CfnServerlessCluster(
            self,
            "Cluster",
            cluster_name=self.stack_name,
            client_authentication={"sasl": {"iam": {"enabled": True}}},
            vpc_configs=[
                msk.CfnServerlessCluster.VpcConfigProperty(
                    subnet_ids=self._subnets, security_groups=[group.security_group_id]
                )
            ],
        )
        self._keep(cluster)
        return cluster.ref

    def _express(self, group: ec2.SecurityGroup, key: kms.IKey) -> str:
        records = logs.LogGroup(
            self,
            "BrokerLogs",
            retention=log_retention(self.options.stage),
            removal_policy=RemovalPolicy.DESTROY,
        )
        cluster = msk.CfnCluster(
            self,
            "Cluster",
            cluster_name=self.stack_name,
            kafka_version=_EXPRESS_VERSION,
            number_of_broker_nodes=_EXPRESS_BROKERS,
            broker_node_group_info=msk.CfnCluster.BrokerNodeGroupInfoProperty(
                instance_type=self.options.broker_type,
                client_subnets=self._subnets,
                security_groups=[group.security_group_id],
            ),
            client_authentication={
                "sasl": {"iam": {"enabled": True}},
                "unauthenticated": {"enabled": False},
            },
            encryption_info={
                "encryptionAtRest": {"dataVolumeKmsKeyId": key.key_arn},
                "encryptionInTransit": {"clientBroker": "TLS", "inCluster": True},
            },
            enhanced_monitoring="PER_TOPIC_PER_BROKER",
            logging_info={
                "brokerLogs": {
                    "cloudWatchLogs": {"enabled": True, "logGroup": records.log_group_name}
                }
            },
        )
        self._keep(cluster)
        return cluster.ref

    def _keep(self, cluster: msk.CfnServerlessCluster | msk.CfnCluster) -> None:
        kept = self.options.stage.retain_data
        cluster.apply_removal_policy(RemovalPolicy.RETAIN if kept else RemovalPolicy.DESTROY)

    def _brokers(self, arn: str) -> str:
        function = DeployTimeFunction(
            self,
            "Brokers",
            module="brokers",
            options=self.options,
            statements=[
                iam.PolicyStatement(actions=["kafka:GetBootstrapBrokers"], resources=[arn])
            ],
        )
        found = function.run("Addresses", "Brokers", {"ClusterArn": arn})
        return found.get_att_string("BootstrapServers")

    def _administration(self, arn: str) -> list[iam.PolicyStatement]:
        """Return the permissions to create topics (MSK Developer Guide, "IAM access control")."""
        account, cluster = Fn.split(":cluster/", arn, 2)
        topics = [f"{account}:topic/{cluster}/{topic.name}" for topic in TOPICS]
        return [
            iam.PolicyStatement(actions=["kafka-cluster:Connect"], resources=[arn]),
            iam.PolicyStatement(
                actions=[
                    "kafka-cluster:CreateTopic",
                    "kafka-cluster:DescribeTopic",
                    "kafka-cluster:AlterTopic",
                    "kafka-cluster:DescribeTopicDynamicConfiguration",
                    "kafka-cluster:AlterTopicDynamicConfiguration",
                ],
                resources=topics,
            ),
        ]


class OwnBusStack(ProjectStack):
    """Kafka that exists already: only our topics in it.

    Attributes:
        kafka: the connection to it.
    """

    def __init__(self, app: App, options: Options, own: SelfManaged) -> None:
        super().__init__(app, "bus", options)
        self.kafka = Kafka(
            bootstrap_servers=own.kafka_bootstrap_servers,
            security_protocol=own.kafka_security_protocol,
            sasl_mechanism=own.kafka_sasl_mechanism,
            secret_arn=own.kafka_secret_arn,
            ca_secret_arn=own.kafka_ca_secret_arn,
        )
        secrets = [arn for arn in (own.kafka_secret_arn, own.kafka_ca_secret_arn) if arn]
        add_topics(
            self,
            self.kafka,
            options=options,
            statements=read_permissions(secrets, own.kms_key_arns),
            subnet_ids=own.vpc_subnet_ids,
            security_group_ids=own.security_group_ids,
            roll_segments=True,
        )


def add_topics(
    scope: Construct,
    kafka: Kafka,
    *,
    options: Options,
    statements: Sequence[iam.PolicyStatement],
    subnet_ids: Sequence[str],
    security_group_ids: Sequence[str],
    roll_segments: bool,
) -> None:
    """Add a custom resource that creates the topics of :mod:`shared.contract.topics`."""
    function = DeployTimeFunction(
        scope,
        "Topics",
        module="topics",
        options=options,
        environment=kafka.environment(),
        statements=statements,
        subnet_ids=subnet_ids,
        security_group_ids=security_group_ids,
    )
    function.run(
        "Stated",
        "Topics",
        {"Topics": stated_topics(), "RollSegments": "true" if roll_segments else "false"},
    )


def stated_topics() -> list[Mapping[str, str]]:
    """Return the topics as properties of a resource."""
    return [
        {
            "Name": topic.name,
            "Partitions": str(topic.partitions),
            "RetentionMs": str(topic.retention_ms),
        }
        for topic in TOPICS
    ]
