"""What is stored: Aurora PostgreSQL behind RDS Proxy, a Valkey cache, the functions' secrets."""

from __future__ import annotations

from aws_cdk import ArnFormat, Duration, Fn, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticache as elasticache
from aws_cdk import aws_iam as iam
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.cdk.function_secrets import FunctionSecrets
from infra.cdk.naming import DATABASE, DATABASE_USER
from infra.cdk.network import NetworkStack
from infra.cdk.options import Options, SelfManaged

_POSTGRESQL_PORT = 5432
_CACHE_PORT = 6379
_CACHE_USER = "service"
# Where Amazon Linux 2023, and with it the Lambda runtime, keeps the authorities it trusts.
_AUTHORITIES = "/etc/pki/tls/certs/ca-bundle.crt"


class DataStack(Stack):
    """Database, cache and secrets.

    Attributes:
        secrets: the functions' secrets.
        database_user_arn: what ``rds-db:connect`` is granted for.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's name
        *,
        options: Options,
        name: str,
        network: NetworkStack,
    ) -> None:
        super().__init__(
            scope, id, stack_name=name, termination_protection=options.stage.retain_data
        )
        self._options = options
        self._network = network
        self._kept = RemovalPolicy.RETAIN if options.stage.retain_data else RemovalPolicy.DESTROY
        self.secrets = FunctionSecrets(self, "Secrets", options=options)
        proxy = self._database(name)
        cache, password = self._cache(name)
        self.database_user_arn = self.format_arn(
            service="rds-db",
            resource="dbuser",
            resource_name=f"{Fn.select(6, Fn.split(':', proxy.db_proxy_arn))}/{DATABASE_USER}",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        self._fill(proxy, cache, password)

    def _fill(
        self,
        proxy: rds.DatabaseProxy,
        cache: elasticache.CfnServerlessCache,
        password: secretsmanager.Secret,
    ) -> None:
        verified = f"sslmode=verify-full&sslrootcert={_AUTHORITIES}"
        address = f"{proxy.endpoint}:{_POSTGRESQL_PORT}/{DATABASE}"
        self.secrets.fill(
            {
                "DatabaseIam": "true",
                "DatabaseUrl": f"postgresql://{DATABASE_USER}@{address}?{verified}",
                "CacheAddress": f"{cache.attr_endpoint_address}:{cache.attr_endpoint_port}",
                "CacheUser": _CACHE_USER,
                "CachePasswordArn": password.secret_arn,
            },
            [
                iam.PolicyStatement(
                    actions=["secretsmanager:GetSecretValue"], resources=[password.secret_arn]
                )
            ],
        )

    def _database(self, name: str) -> rds.DatabaseProxy:
        stage = self._options.stage
        group = self._closed("Database")
        cluster = rds.DatabaseCluster(
            self,
            "Cluster",
            engine=rds.DatabaseClusterEngine.aurora_postgres(
                version=rds.AuroraPostgresEngineVersion.VER_17_9
            ),
            vpc=self._network.vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
            security_groups=[group],
            default_database_name=DATABASE,
            credentials=rds.Credentials.from_username(
                DATABASE_USER, encryption_key=self.secrets.key
            ),
            # RDS makes the password and exchanges it every week; nobody needs to know it.
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
            storage_encryption_key=self.secrets.key,
            backup=rds.BackupProps(retention=Duration.days(stage.backup_days)),
            cloudwatch_logs_exports=["postgresql"],
            deletion_protection=stage.retain_data,
            removal_policy=self._kept,
        )
        if cluster.secret is None:
            raise ValueError("The cluster has no secret for its proxy.")
        proxy = cluster.add_proxy(
            "Proxy",
            db_proxy_name=name,
            vpc=self._network.vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
            security_groups=[self._opened("Proxy", _POSTGRESQL_PORT, "PostgreSQL")],
            secrets=[cluster.secret],
            iam_auth=True,
            require_tls=True,
            # A connection that a transaction pins is given back after this.
            idle_client_timeout=Duration.minutes(30),
        )
        cluster.connections.allow_default_port_from(proxy, "RDS Proxy")
        return proxy

    def _cache(self, name: str) -> tuple[elasticache.CfnServerlessCache, secretsmanager.Secret]:
        password = secretsmanager.Secret(
            self,
            "CachePassword",
            description="The functions' password at the cache",
            encryption_key=self.secrets.key,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                password_length=64, exclude_punctuation=True
            ),
            removal_policy=self._kept,
        )
        user = elasticache.CfnUser(
            self,
            "CacheUser",
            engine="valkey",
            user_id=f"{name}-service",
            user_name=_CACHE_USER,
            access_string="on ~* &* +@all -@admin -@dangerous",
            authentication_mode={
                "Type": "password",
                # Read when the user is made; the template only names the secret.
                "Passwords": [password.secret_value.unsafe_unwrap()],
            },
        )
        group = elasticache.CfnUserGroup(
            self, "CacheUsers", engine="valkey", user_group_id=name, user_ids=[user.user_id]
        )
        cache = elasticache.CfnServerlessCache(
            self,
            "Cache",
            engine="valkey",
            major_engine_version="8",
            serverless_cache_name=name,
            cache_usage_limits=elasticache.CfnServerlessCache.CacheUsageLimitsProperty(
                data_storage=elasticache.CfnServerlessCache.DataStorageProperty(
                    unit="GB", maximum=self._options.stage.cache_max_gb
                )
            ),
            kms_key_id=self.secrets.key.key_id,
            security_group_ids=[self._opened("Cache", _CACHE_PORT, "Valkey").security_group_id],
            subnet_ids=self._network.vpc.select_subnets(
                subnet_type=ec2.SubnetType.PRIVATE_ISOLATED
            ).subnet_ids,
            user_group_id=group.ref,
        )
        return cache, password

    def _closed(self, name: str) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(
            self,
            f"{name}Group",
            vpc=self._network.vpc,
            description=name,
            allow_all_outbound=False,
        )

    def _opened(self, name: str, port: int, what: str) -> ec2.SecurityGroup:
        """A security group that the functions reach. The rule at their end stands here too, so that
        the network does not depend on what is put into it."""
        group = self._closed(name)
        functions = self._network.functions
        group.add_ingress_rule(functions, ec2.Port.tcp(port), f"{what} from functions")
        ec2.CfnSecurityGroupEgress(
            self,
            f"FunctionsTo{name}",
            group_id=functions.security_group_id,
            destination_security_group_id=group.security_group_id,
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            description=f"{what} from functions",
        )
        return group


class SecretsStack(Stack):
    """Of what one has oneself: only the functions' secrets, with the addresses in one of yours.

    Attributes:
        secrets: the functions' secrets.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's name
        *,
        options: Options,
        name: str,
        own: SelfManaged,
    ) -> None:
        super().__init__(
            scope, id, stack_name=name, termination_protection=options.stage.retain_data
        )
        self.secrets = FunctionSecrets(self, "Secrets", options=options)
        read = [
            iam.PolicyStatement(
                actions=["secretsmanager:GetSecretValue"], resources=[own.connections_secret_arn]
            )
        ]
        if own.kms_key_arns:
            read.append(
                iam.PolicyStatement(actions=["kms:Decrypt"], resources=list(own.kms_key_arns))
            )
        self.secrets.fill({"ConnectionsSecretArn": own.connections_secret_arn}, read)
