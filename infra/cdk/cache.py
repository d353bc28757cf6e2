"""ElastiCache for Valkey, serverless: the functions sign in with their AWS credentials."""

from __future__ import annotations

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_elasticache as elasticache
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.cdk.network import NetworkStack
from infra.cdk.options import Options

_PORT = 6379


class Cache(Construct):
    """A cache and its one user. There is no password.

    Attributes:
        name: of the cache; a client needs it to sign in.
        url: with the user.
        arns: the resources of ``elasticache:Connect``: the cache and the user.
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
        self.name = name = Stack.of(self).stack_name
        user = f"{name}-service"
        cache = elasticache.CfnServerlessCache(
            self,
            "Cache",
            engine="valkey",
            major_engine_version="8",
            serverless_cache_name=name,
            cache_usage_limits=elasticache.CfnServerlessCache.CacheUsageLimitsProperty(
                data_storage=elasticache.CfnServerlessCache.DataStorageProperty(
                    unit="GB", maximum=options.stage.cache_max_gb
                )
            ),
            kms_key_id=key.key_id,
            security_group_ids=[
                network.group_for(self, "Cache", _PORT, "Valkey").security_group_id
            ],
            subnet_ids=network.subnet_ids,
            user_group_id=self._users(name, user).ref,
        )
        self.url = f"rediss://{user}@{cache.attr_endpoint_address}:{cache.attr_endpoint_port}"
        self.arns = tuple(
            Stack.of(self).format_arn(
                service="elasticache",
                resource=kind,
                resource_name=resource,
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            )
            for kind, resource in (("serverlesscache", name), ("user", user))
        )

    def _users(self, name: str, user: str) -> elasticache.CfnUserGroup:
        made = elasticache.CfnUser(
            self,
            "User",
            engine="valkey",
            user_id=user,
            user_name=user,  # with IAM, the same
            access_string="on ~* &* +@all -@admin -@dangerous",
            authentication_mode={"Type": "iam"},
        )
        group = elasticache.CfnUserGroup(
            self, "Users", engine="valkey", user_group_id=name, user_ids=[user]
        )
        group.add_resource_dependency(made)
        return group
