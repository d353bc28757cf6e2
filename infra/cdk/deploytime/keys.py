"""Custom resource ``Custom::Keys``: fills the functions' secrets; and, on a schedule, rotates them.

No key is ever in a template, a log or an answer: they are made here and written to Secrets Manager.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from shared.settings import LogSettings
from shared.telemetry import configure

from .response import Event, answer_with
from .rotation import Secret, Secrets, complete

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

log = logging.getLogger(__name__)

_NAMES = ("gateway", "user", "notification")


def handler(event: Event, context: object) -> None:
    """CloudFormation's request, or the schedule's ``{"Rotate": {...}}``."""
    configure("keys", LogSettings())
    if "Rotate" in event:
        _fill(event["Rotate"], rotate=True)
        return
    answer_with(lambda properties: _fill(properties, rotate=False))(event, context)


def _fill(properties: Mapping[str, Any], *, rotate: bool) -> dict[str, str]:
    import boto3  # comes with the Lambda runtime

    client = boto3.client("secretsmanager")
    arns = {name: properties[f"{name.title()}SecretArn"] for name in _NAMES}
    held = Secrets(**{name: _read(client, arns[name]) for name in _NAMES})
    wanted = complete(_connected(client, held, properties), rotate=rotate)
    # Readers first: whoever opens must know a key before anybody seals to it.
    changed = [
        name
        for name in ("user", "notification", "gateway")
        if getattr(wanted, name) != getattr(held, name)
    ]
    for name in changed:
        content = json.dumps(getattr(wanted, name))
        client.put_secret_value(SecretId=arns[name], SecretString=content)
    log.info("secrets are complete", extra={"changed": changed})
    return {"Changed": ", ".join(changed)}


def _connected(
    client: SecretsManagerClient, held: Secrets, properties: Mapping[str, Any]
) -> Secrets:
    """Add the addresses: of what was deployed, or those that a secret of the user's holds."""
    if properties.get("ConnectionsSecretArn"):
        own = _read(client, properties["ConnectionsSecretArn"])
    else:
        password = _read_text(client, properties["CachePasswordArn"])
        cache = f"rediss://{properties['CacheUser']}:{quote(password, safe='')}@"
        own = {
            "DATABASE_URL": properties["DatabaseUrl"],
            "DATABASE_IAM": properties["DatabaseIam"],
            "REDIS_URL": cache + properties["CacheAddress"],
        }
    return Secrets(
        gateway={**held.gateway, **_only(own, "REDIS_URL")},
        user={**held.user, **_only(own, "DATABASE_URL", "DATABASE_IAM")},
        notification={**held.notification, **_only(own, "REDIS_URL", "SMTP_URL")},
    )


def _only(own: Secret, *names: str) -> Secret:
    return {name: own[name] for name in names if name in own}


def _read(client: SecretsManagerClient, arn: str) -> Secret:
    content: Secret = json.loads(_read_text(client, arn))
    return content


def _read_text(client: SecretsManagerClient, arn: str) -> str:
    return client.get_secret_value(SecretId=arn)["SecretString"]
