"""Custom resource ``Custom::Keys``: fills the functions' secrets; and, on a schedule, rotates them.

No key is ever in a template, a log or an answer: they are made here and written to Secrets Manager.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import msgspec

from shared.config.logs import configure
from shared.config.settings import LogSettings
from shared.runtime.custom_resource import ResourceRequest, answer_with

from .rotation import SecretContent, SecretContents, complete

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

log = logging.getLogger(__name__)

# In the order in which they are written: a reader must know a key before a writer uses it.
_NAMES = ("user", "migration", "notification", "gateway", "front")


def handler(event: ResourceRequest, context: object) -> None:
    """Serve CloudFormation's request, or the schedule's ``{"Rotate": {...}}``."""
    configure("keys", LogSettings())
    if "Rotate" in event:
        _fill(event["Rotate"], rotate=True)
        return
    answer_with(lambda properties: _fill(properties, rotate=False))(event, context)


def _fill(properties: Mapping[str, Any], *, rotate: bool) -> dict[str, str]:
    import boto3  # comes with the Lambda runtime

    client = boto3.client("secretsmanager")
    arns = {name: properties[f"{name.title()}SecretArn"] for name in _NAMES}
    held = SecretContents(**{name: _read(client, arns[name]) for name in _NAMES})
    wanted = complete(_connected(client, held, properties), rotate=rotate)
    changed = [name for name in _NAMES if getattr(wanted, name) != getattr(held, name)]
    for name in changed:
        content = json.dumps(getattr(wanted, name))
        client.put_secret_value(SecretId=arns[name], SecretString=content)
    log.info("secrets are complete", extra={"changed": changed})
    return {"Changed": ", ".join(changed)}


def _connected(
    client: SecretsManagerClient, held: SecretContents, properties: Mapping[str, Any]
) -> SecretContents:
    """Add the addresses of the deployed stores, or those in the operator's own secret."""
    own = properties.get("Connections") or _read(client, properties["ConnectionsSecretArn"])
    redis = _only(own, "REDIS_URL", "REDIS_IAM_CACHE")
    return msgspec.structs.replace(
        held,
        gateway={**held.gateway, **redis},
        user={**held.user, **_only(own, "DATABASE_URL", "DATABASE_IAM")},
        migration=_migration(own),
        notification={**held.notification, **redis, **_only(own, "SMTP_URL")},
    )


def _migration(own: SecretContent) -> SecretContent:
    """Return the migration's secret.

    Where the tables have their own owner, the migration grants rights to the function's role.
    """
    if "DATABASE_OWNER_URL" not in own:
        return _only(own, "DATABASE_URL", "DATABASE_IAM")
    role = urlsplit(own["DATABASE_URL"]).username or ""
    return {"DATABASE_URL": own["DATABASE_OWNER_URL"], "DATABASE_ROLE": unquote(role)}


def _only(own: SecretContent, *names: str) -> SecretContent:
    return {name: own[name] for name in names if name in own}


def _read(client: SecretsManagerClient, arn: str) -> SecretContent:
    content: SecretContent = json.loads(client.get_secret_value(SecretId=arn)["SecretString"])
    return content
