"""CloudFormation's custom resources: what a function is asked, and how it answers.

CloudFormation waits for an answer at a presigned URL (User Guide, "Custom resource request and
response reference"). Without one a deployment hangs for its whole timeout, so every failure is
reported there.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any
from urllib.request import Request, urlopen

log = logging.getLogger(__name__)

ResourceRequest = Mapping[str, Any]
Provision = Callable[[Mapping[str, Any]], Mapping[str, str]]

_TIMEOUT_S = 10
_REASON_LENGTH = 1_000  # the whole answer may have 4,096 bytes


def answer_with(provision: Provision) -> Callable[[ResourceRequest, object], None]:
    """Return a Lambda handler that provisions at Create and Update, and does nothing at Delete.

    Args:
        provision: takes the resource's properties and returns its attributes. An exception fails
            the deployment, and its text is the reason that is shown.
    """

    def handler(request: ResourceRequest, _context: object) -> None:
        try:
            wanted = request["RequestType"] in ("Create", "Update")
            data = provision(request["ResourceProperties"]) if wanted else {}
        except Exception as error:
            log.exception("the deployment cannot go on")
            _answer(request, "FAILED", f"{type(error).__name__}: {error}"[:_REASON_LENGTH], {})
            return
        _answer(request, "SUCCESS", "", data)

    return handler


def _answer(request: ResourceRequest, status: str, reason: str, data: Mapping[str, str]) -> None:
    body = {
        "Status": status,
        "Reason": reason,
        "PhysicalResourceId": request.get("PhysicalResourceId", request["LogicalResourceId"]),
        "StackId": request["StackId"],
        "RequestId": request["RequestId"],
        "LogicalResourceId": request["LogicalResourceId"],
        "Data": dict(data),
    }
    # An empty content type: the presigned URL was signed with none.
    answer = Request(  # noqa: S310 - CloudFormation's own URL
        request["ResponseURL"],
        data=json.dumps(body).encode(),
        method="PUT",
        headers={"Content-Type": ""},
    )
    with urlopen(answer, timeout=_TIMEOUT_S):  # noqa: S310 - as above
        pass
