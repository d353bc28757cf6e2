"""Secrets for a first try, as manifests: ``python -m infra.kubernetes.secrets``.

They are for ``kubectl apply -f -``. A production cluster takes its secrets from a store
(``components/external-secrets``). Nothing else in this folder holds a secret. The keys are made
once and kept in ``.local/keys.json``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from local import keys
from local.compose import variables
from local.keys import Keys

NAMESPACE: Final = "microservices"


def manifests(keys: Keys, *, database: str, redis: str, smtp: str) -> list[dict[str, Any]]:
    """Return a ``Secret`` for each program, with its secret variables.

    Args:
        keys: of the whole system; each service gets its own.
        database: libpq URL of PostgreSQL; in a first try its owner's, for all.
        redis: URL; gateway and notification service use different keys in it.
        smtp: URL of the mail server.
    """
    own = variables(keys)
    return [
        _secret("gateway", {"REDIS_URL": redis, **own["gateway"]}),
        _secret("user-service", {"DATABASE_URL": database, **own["user"]}),
        _secret(
            "notification-service", {"REDIS_URL": redis, "SMTP_URL": smtp, **own["notification"]}
        ),
        _secret("migrate", {"DATABASE_URL": database}),
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; without arguments, for the services of ``components/stand-ins``."""
    parser = argparse.ArgumentParser(prog="python -m infra.kubernetes.secrets")
    parser.add_argument("--database-url", default="postgresql://app:app@postgres:5432/app")
    parser.add_argument("--redis-url", default="redis://redis:6379/0")
    parser.add_argument("--smtp-url", default="smtp://inbox:1025")
    parser.add_argument("--keys", type=Path, default=Path(".local/keys.json"))
    given = parser.parse_args(arguments)
    given.keys.parent.mkdir(parents=True, exist_ok=True)
    made = manifests(
        keys.load_or_make(given.keys),
        database=given.database_url,
        redis=given.redis_url,
        smtp=given.smtp_url,
    )
    yaml.safe_dump_all(made, sys.stdout, sort_keys=False)


def _secret(name: str, data: Mapping[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "stringData": dict(data),
    }


if __name__ == "__main__":
    main()
