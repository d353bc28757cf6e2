"""The stored data: a database, a cache, the functions' secrets; or the secrets alone."""

from __future__ import annotations

from typing import Final

import msgspec
from aws_cdk import App
from aws_cdk import aws_iam as iam

from infra.cdk.cache import Cache
from infra.cdk.database import Database
from infra.cdk.function_secrets import FunctionSecrets
from infra.cdk.network import NetworkStack
from infra.cdk.options import Options, SelfManaged
from infra.cdk.project_stack import ProjectStack


class Stores(msgspec.Struct, frozen=True, kw_only=True):
    """The permissions that functions need for the stores; none where the URL holds a password.

    Attributes:
        database_user_arn: the resource of ``rds-db:connect``.
        owner_secret_arn: the password of the tables' owner.
        cache_arns: the resources of ``elasticache:Connect``.
    """

    database_user_arn: str = ""
    owner_secret_arn: str = ""
    cache_arns: tuple[str, ...] = ()


NO_STORES: Final = Stores()


class DataStack(ProjectStack):
    """Database, cache and secrets.

    Attributes:
        secrets: the functions' secrets.
        stores: the permissions for database and cache.
    """

    def __init__(self, app: App, options: Options, network: NetworkStack) -> None:
        super().__init__(app, "data", options)
        self.secrets = FunctionSecrets(self, "Secrets", options=options)
        key = self.secrets.key
        database = Database(self, "Database", options, network, key)
        cache = Cache(self, "Cache", options, network, key)
        self.stores = Stores(
            database_user_arn=database.user_arn,
            owner_secret_arn=database.owner_secret_arn,
            cache_arns=cache.arns,
        )
        connections = {
            "DATABASE_URL": database.url,
            "DATABASE_IAM": "true",
            "DATABASE_OWNER_URL": database.owner_url,
            "REDIS_URL": cache.url,
            "REDIS_IAM_CACHE": cache.name,
        }
        self.secrets.fill({"Connections": connections}, [])


class SecretsStack(ProjectStack):
    """Only the functions' secrets, for stores that exist; your own secret has their addresses.

    Attributes:
        secrets: the functions' secrets.
    """

    def __init__(self, app: App, options: Options, own: SelfManaged) -> None:
        super().__init__(app, "data", options)
        self.secrets = FunctionSecrets(self, "Secrets", options=options)
        secret = own.connections_secret_arn
        self.secrets.fill(
            {"ConnectionsSecretArn": secret}, read_permissions([secret], own.kms_key_arns)
        )


def read_permissions(secrets: list[str], keys: tuple[str, ...]) -> list[iam.PolicyStatement]:
    """Return the permissions to read secrets that other keys encrypt."""
    allowed = {"secretsmanager:GetSecretValue": secrets, "kms:Decrypt": list(keys)}
    return [
        iam.PolicyStatement(actions=[action], resources=resources)
        for action, resources in allowed.items()
        if resources
    ]
