"""Aurora PostgreSQL behind RDS Proxy; the user function signs in by IAM, as its own role."""

from __future__ import annotations

from aws_cdk import ArnFormat, Duration, Fn, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from constructs import Construct

from infra.cdk.naming import DATABASE, DATABASE_OWNER, DATABASE_ROLE
from infra.cdk.network import NetworkStack, log_retention
from infra.cdk.options import Options

_PORT = 5432
# Where Amazon Linux 2023, and with it the Lambda runtime, keeps the authorities it trusts.
_VERIFIED = "sslmode=verify-full&sslrootcert=/etc/pki/tls/certs/ca-bundle.crt"
_PRIVATE = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)


class Database(Construct):
    """A cluster and its proxy.

    The owner of the tables migrates, past the proxy, with the password that RDS keeps and exchanges
    every week. The user function's role has no password anywhere. IAM authenticates it at the
    proxy, and again at the database (RDS User Guide, "End-to-end IAM authentication").

    Attributes:
        url: for the user function, by way of the proxy.
        owner_url: for migrations.
        owner_secret_arn: the owner's password.
        user_arn: the resource of ``rds-db:connect``.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        options: Options,
        network: NetworkStack,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        self._options = options
        self._network = network
        name = Stack.of(self).stack_name
        cluster = self._cluster(name, key)
        proxy = self._proxy(name, cluster)
        self.url = _url(DATABASE_ROLE, proxy.endpoint)
        self.owner_url = _url(DATABASE_OWNER, cluster.cluster_endpoint.hostname)
        if cluster.secret is None:
            raise ValueError("RDS keeps no password of the owner.")
        self.owner_secret_arn = cluster.secret.secret_arn
        self.user_arn = self._database_user(Fn.select(6, Fn.split(":", proxy.db_proxy_arn)))

    def _cluster(self, name: str, key: kms.IKey) -> rds.DatabaseCluster:
        stage = self._options.stage
        cluster = rds.DatabaseCluster(
            self,
            "Cluster",
            cluster_identifier=name,
            engine=rds.DatabaseClusterEngine.aurora_postgres(
                version=rds.AuroraPostgresEngineVersion.VER_17_9
            ),
            vpc=self._network.vpc,
            vpc_subnets=_PRIVATE,
            security_groups=[self._group("Database")],
            default_database_name=DATABASE,
            credentials=rds.Credentials.from_username(DATABASE_OWNER, encryption_key=key),
            manage_master_user_password=True,
            iam_authentication=True,
            serverless_v2_min_capacity=stage.database_min_acu,
            serverless_v2_max_capacity=stage.database_max_acu,
            writer=rds.ClusterInstance.serverless_v2("Writer"),
            readers=[
                rds.ClusterInstance.serverless_v2(f"Reader{number}", scale_with_writer=True)
                for number in range(stage.database_readers)
            ],
            storage_encrypted=True,
            storage_encryption_key=key,
            backup=rds.BackupProps(retention=Duration.days(stage.backup_days)),
            cloudwatch_logs_exports=["postgresql"],
            deletion_protection=stage.retain_data,
            removal_policy=RemovalPolicy.RETAIN if stage.retain_data else RemovalPolicy.DESTROY,
        )
        cluster.node.add_dependency(self._logs(f"cluster/{name}/postgresql"))
        return cluster

    def _proxy(self, name: str, cluster: rds.DatabaseCluster) -> rds.DatabaseProxy:
        role = iam.Role(self, "ProxyRole", assumed_by=iam.ServicePrincipal("rds.amazonaws.com"))
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["rds-db:connect"],
                resources=[self._database_user(cluster.cluster_resource_identifier)],
            )
        )
        group = self._group("Proxy")
        proxy = cluster.add_proxy(
            "Proxy",
            db_proxy_name=name,
            vpc=self._network.vpc,
            vpc_subnets=_PRIVATE,
            security_groups=[group],
            role=role,
            default_auth_scheme=rds.DefaultAuthScheme.IAM_AUTH,
            require_tls=True,
            # A connection that a transaction pins is given back after this.
            idle_client_timeout=Duration.minutes(30),
        )
        proxy.node.add_dependency(self._logs(f"proxy/{name}"))
        cluster.connections.allow_default_port_from(proxy, "RDS Proxy")
        return proxy

    def _group(self, name: str) -> ec2.SecurityGroup:
        return self._network.group_for(self, name, _PORT, "PostgreSQL")

    def _logs(self, name: str) -> logs.LogGroup:
        """Return a log group that is deleted with the stack.

        RDS would create it itself, and leave it behind.
        """
        return logs.LogGroup(
            self,
            f"Logs{name.partition('/')[0].title()}",
            log_group_name=f"/aws/rds/{name}",
            retention=log_retention(self._options.stage),
            removal_policy=RemovalPolicy.DESTROY,
        )

    def _database_user(self, resource: str) -> str:
        """Return IAM's name of the user function's role at a proxy or a cluster."""
        return Stack.of(self).format_arn(
            service="rds-db",
            resource="dbuser",
            resource_name=f"{resource}/{DATABASE_ROLE}",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )


def _url(user: str, host: str) -> str:
    return f"postgresql://{user}@{host}:{_PORT}/{DATABASE}?{_VERIFIED}"
