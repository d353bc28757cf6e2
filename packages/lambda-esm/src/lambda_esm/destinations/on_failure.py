"""The on-failure record: what AWS writes about records that were given up.

Shapes: Developer Guide, "Capturing discarded batches for Amazon MSK and self-managed Apache Kafka
event sources". SQS, SNS and S3 get one for a batch, a Kafka topic gets one for each record, and
the two differ in names; both are kept as documented.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal, Protocol

import msgspec

from lambda_esm.model.event import Row, Rows
from lambda_esm.model.mapping import Mapping
from lambda_esm.model.outcome import VERSION, Outcome, new_request_id

Condition = Literal["RetryAttemptsExhausted", "MaximumPayloadSizeExceeded", "RecordAgeExceeded"]


class DestinationError(Exception):
    """The destination did not take the record; it may later."""


class Failure(msgspec.Struct, frozen=True):
    """Records that were given up together.

    Attributes:
        mapping: which read them.
        rows: by partition.
        condition: why.
        outcome: of the last invocation; None when there was none.
        invocations: how often the function was invoked with them.
    """

    mapping: Mapping
    rows: Rows
    condition: Condition
    outcome: Outcome | None
    invocations: int


class Destination(Protocol):
    """Takes what was given up."""

    def send(self, failure: Failure) -> None:
        """Write it down, and return when it is safe.

        Raises:
            DestinationError: it is not.
        """
        ...

    def close(self) -> None:
        """Nothing more will come."""
        ...


def batch_record(failure: Failure, *, with_payload: bool) -> bytes:
    """One JSON object for the batch: what SQS and SNS get, and with its payload what S3 gets."""
    event = msgspec.json.encode(failure.mapping.source.event(failure.rows))
    topic = failure.mapping.topic
    record = {
        "requestContext": _request(failure, failure.mapping.function.arn, failure.condition),
        "responseContext": _response(failure.outcome),
        "version": "1.0",
        "timestamp": _iso(datetime.now(UTC)),
        "KafkaBatchInfo": {
            "batchSize": sum(map(len, failure.rows.values())),
            **_cluster(failure.mapping),
            "payloadSize": len(event),
            "recordsInfo": {f"{topic}-{n}": _range(rows) for n, rows in failure.rows.items()},
        },
    }
    if with_payload:
        record["payload"] = event.decode()
    return msgspec.json.encode(record)


def single_record(failure: Failure, number: int, row: Row, *, with_payload: bool = True) -> bytes:
    """One JSON object for one record: what a Kafka topic gets.

    Without payload, the record in it has its place and time only.
    """
    event = failure.mapping.source.event({number: [row]})
    if not with_payload:  # its place remains
        for name in ("key", "value", "headers"):
            event["records"][f"{failure.mapping.topic}-{number}"][0].pop(name, None)
    exhausted = failure.condition == "RetryAttemptsExhausted"
    record = {
        "requestContext": _request(
            failure,
            f"{failure.mapping.function.arn}:{VERSION}",
            "RetriesExhausted" if exhausted else failure.condition,
        ),
        "responseContext": _response(failure.outcome),
        "version": "1.0",
        "timestamp": _iso(datetime.now(UTC)),
        "KafkaBatchInfo": {
            "batchSize": 1,
            **_cluster(failure.mapping),
            "payloadSize": len(msgspec.json.encode(event)),
            "recordInfo": {"offset": str(row[0]), "timestamp": _at(row)},
        },
        "payload": event,
    }
    return msgspec.json.encode(record)


def _request(failure: Failure, arn: str, condition: str) -> dict[str, Any]:
    return {
        "requestId": failure.outcome.request_id if failure.outcome else new_request_id(),
        "functionArn": arn,
        "condition": condition,
        "approximateInvokeCount": failure.invocations,
    }


def _response(outcome: Outcome | None) -> dict[str, Any] | None:
    if outcome is None:
        return None
    context: dict[str, Any] = {"statusCode": outcome.status, "executedVersion": outcome.version}
    if outcome.kind not in ("partial", "malformed"):  # there the function itself ended well
        context["functionError"] = outcome.function_error
    return context


def _cluster(mapping: Mapping) -> dict[str, str]:
    return {k: v for k, v in mapping.source.members.items() if k != "eventSource"}


def _range(rows: list[Row]) -> dict[str, str]:
    return {
        "firstRecordOffset": str(rows[0][0]),
        "lastRecordOffset": str(rows[-1][0]),
        "firstRecordTimestamp": _at(rows[0]),
        "lastRecordTimestamp": _at(rows[-1]),
    }


def _at(row: Row) -> str:
    return _iso(datetime.fromtimestamp(row[1][1] / 1000, UTC))


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
