"""Lambda entry of a deployment: CloudFormation's custom resource that brings the schema up to date.

CloudFormation calls it before it touches the user function, and waits for its answer at a presigned
URL (CloudFormation User Guide, "Custom resource request and response reference"). A deployment
whose migration fails is rolled back with the reason. Deleting the stack leaves the data alone.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from typing import Any
from urllib.request import Request, urlopen

from shared.environment import environment
from shared.settings import load
from shared.telemetry import configure
from user.migrate import Settings, migrate

log = logging.getLogger(__name__)

_PHYSICAL_ID = "schema"
_TIMEOUT_S = 10


def handler(event: Mapping[str, Any], context: object) -> None:  # noqa: ARG001 - Lambda passes it
    """Create and Update: migrate. Delete: nothing. Either way CloudFormation is answered."""
    try:
        applied = _apply() if event["RequestType"] in ("Create", "Update") else []
    except Exception as error:
        log.exception("migration failed")
        # The log has the rest; a database's message may show data.
        _answer(event, "FAILED", f"{type(error).__name__}: see the function's log", [])
        return
    _answer(event, "SUCCESS", "", applied)


def _apply() -> list[str]:
    settings = load(Settings, environment(os.environ))
    configure("migrate", settings)
    applied = migrate(settings.url)
    log.info("database schema is up to date", extra={"applied": applied})
    return applied


def _answer(event: Mapping[str, Any], status: str, reason: str, applied: list[str]) -> None:
    body = {
        "Status": status,
        "Reason": reason,
        "PhysicalResourceId": _PHYSICAL_ID,
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "Data": {"Applied": ", ".join(applied)},
    }
    # An empty content type: the presigned URL was signed with none.
    request = Request(  # noqa: S310 - CloudFormation's own URL, always https
        event["ResponseURL"],
        data=json.dumps(body).encode(),
        method="PUT",
        headers={"Content-Type": ""},
    )
    with urlopen(request, timeout=_TIMEOUT_S):  # noqa: S310 - as above
        pass
