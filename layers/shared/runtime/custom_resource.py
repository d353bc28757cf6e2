"""CloudFormation's custom resources: what a function is asked, and how it answers.

CloudFormation waits for an answer at a presigned URL (User Guide, "Custom resource request and
response reference"). Without one a deployment hangs for its whole timeout, so everything that can
go wrong is told there.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any
from urllib.request import Request, urlopen

log = logging.getLogger(__name__)

Event = Mapping[str, Any]
Work = Callable[[Mapping[str, Any]], Mapping[str, str]]

_TIMEOUT_S = 10
_REASON_LENGTH = 1_000  # the whole answer may have 4,096 bytes


def answer_with(work: Work) -> Callable[[Event, object], None]:
    """A Lambda handler that does the work at Create and Update, and nothing at Delete.

    Args:
        work: is given the resource's properties and returns its attributes. What it raises fails
            the deployment, and the exception's text is the reason that is shown.
    """

    def handler(event: Event, _context: object) -> None:
        try:
            wanted = event["RequestType"] in ("Create", "Update")
            data = work(event["ResourceProperties"]) if wanted else {}
        except Exception as error:
            log.exception("the deployment cannot go on")
            _answer(event, "FAILED", f"{type(error).__name__}: {error}"[:_REASON_LENGTH], {})
            return
        _answer(event, "SUCCESS", "", data)

    return handler


def _answer(event: Event, status: str, reason: str, data: Mapping[str, str]) -> None:
    body = {
        "Status": status,
        "Reason": reason,
        "PhysicalResourceId": event.get("PhysicalResourceId", event["LogicalResourceId"]),
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "Data": dict(data),
    }
    # An empty content type: the presigned URL was signed with none.
    request = Request(  # noqa: S310 - CloudFormation's own URL
        event["ResponseURL"],
        data=json.dumps(body).encode(),
        method="PUT",
        headers={"Content-Type": ""},
    )
    with urlopen(request, timeout=_TIMEOUT_S):  # noqa: S310 - as above
        pass
