"""The on-failure record: what AWS writes about discarded records.

Shapes: Developer Guide, "Capturing discarded batches for Amazon MSK and self-managed Apache Kafka
event sources". SQS, SNS and S3 get one for a batch, a Kafka topic gets one for each record, and
the two differ in names; both are kept as documented.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal, Protocol

import msgspec

from lambda_esm.model.event import Record, Records
from lambda_esm.model.mapping import Mapping
from lambda_esm.model.outcome import VERSION, Outcome, new_request_id

Condition = Literal["RetryAttemptsExhausted", "MaximumPayloadSizeExceeded", "RecordAgeExceeded"]


class DestinationError(Exception):
    """The destination did not take the record; it may later."""


class DiscardedRecords(msgspec.Struct, frozen=True):
    """Records that were discarded together.

    Attributes:
        mapping: which read them.
        records: by partition.
        condition: why.
        outcome: of the last invocation; None when there was none.
        invocations: how often the function was invoked with them.
    """

    mapping: Mapping
    records: Records
    condition: Condition
    outcome: Outcome | None
    invocations: int


class Destination(Protocol):
    """Takes discarded records; called from several threads."""

    def send(self, discarded: DiscardedRecords) -> None:
        """Write the records' on-failure record, and return when it is stored.

        Raises:
            DestinationError: it may not be stored.
        """
        ...

    def close(self) -> None:
        """Release what sending needed; nothing follows."""
        ...


def batch_record(discarded: DiscardedRecords, *, with_payload: bool) -> bytes:
    """Return one JSON object for the batch: SQS's and SNS's, and with its payload S3's."""
    mapping = discarded.mapping
    event = msgspec.json.encode(mapping.event_source.event(discarded.records))
    info = {
        "batchSize": sum(map(len, discarded.records.values())),
        **_cluster(mapping),
        "payloadSize": len(event),
        "recordsInfo": {f"{mapping.topic}-{n}": _range(r) for n, r in discarded.records.items()},
    }
    record = _record(discarded, mapping.function.arn, discarded.condition, info)
    if with_payload:
        record["payload"] = event.decode()
    return msgspec.json.encode(record)


def single_record(
    discarded: DiscardedRecords, number: int, record: Record, *, with_payload: bool = True
) -> bytes:
    """Return one JSON object for one record: a Kafka topic's.

    Without payload, the record in it has its position and time only.
    """
    mapping = discarded.mapping
    event = mapping.event_source.event({number: [record]})
    if not with_payload:
        for name in ("key", "value", "headers"):
            event["records"][f"{mapping.topic}-{number}"][0].pop(name, None)
    info = {
        "batchSize": 1,
        **_cluster(mapping),
        "payloadSize": len(msgspec.json.encode(event)),
        "recordInfo": {"offset": str(record.offset), "timestamp": _time(record)},
    }
    exhausted = discarded.condition == "RetryAttemptsExhausted"
    condition = "RetriesExhausted" if exhausted else discarded.condition
    arn = f"{mapping.function.arn}:{VERSION}"
    return msgspec.json.encode({**_record(discarded, arn, condition, info), "payload": event})


def _record(
    discarded: DiscardedRecords, arn: str, condition: str, info: dict[str, Any]
) -> dict[str, Any]:
    """Return what all on-failure records have in common, around the batch's ``info``."""
    outcome = discarded.outcome
    return {
        "requestContext": {
            "requestId": outcome.request_id if outcome else new_request_id(),
            "functionArn": arn,
            "condition": condition,
            "approximateInvokeCount": discarded.invocations,
        },
        "responseContext": _response(outcome) if outcome else None,
        "version": "1.0",
        "timestamp": _iso(datetime.now(UTC)),
        "KafkaBatchInfo": info,
    }


def _response(outcome: Outcome) -> dict[str, Any]:
    context: dict[str, Any] = {
        "statusCode": outcome.status_code,
        "executedVersion": outcome.executed_version,
    }
    if outcome.result not in ("partial", "malformed"):  # there the function itself ended well
        context["functionError"] = outcome.function_error
    return context


def _cluster(mapping: Mapping) -> dict[str, str]:
    return {k: v for k, v in mapping.event_source.members.items() if k != "eventSource"}


def _range(records: list[Record]) -> dict[str, str]:
    return {
        "firstRecordOffset": str(records[0].offset),
        "lastRecordOffset": str(records[-1].offset),
        "firstRecordTimestamp": _time(records[0]),
        "lastRecordTimestamp": _time(records[-1]),
    }


def _time(record: Record) -> str:
    return _iso(datetime.fromtimestamp(record.timestamp_ms / 1000, UTC))


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
