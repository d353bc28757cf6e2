"""SQS, SNS and S3 as on-failure destinations: one record for each batch.

SQS and SNS get metadata only, S3 the whole event beside it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from lambda_esm.connect.aws import AWS_ERRORS, aws_client, queue_url
from lambda_esm.destinations.on_failure import DestinationError, DiscardedRecords, batch_record
from lambda_esm.model.account import region


class AwsDestination:
    """A queue, an SNS topic or a bucket, by its ARN.

    Raises:
        EsmError: no client can be made.
    """

    def __init__(self, arn: str) -> None:
        service, arn_region = arn.split(":")[2:4]
        self._arn = arn
        self._write = _WRITERS[service]
        self._client = aws_client(service, arn_region or region())

    def send(self, discarded: DiscardedRecords) -> None:
        """Write one record for the batch."""
        try:
            self._write(self._client, self._arn, discarded)
        except AWS_ERRORS as error:
            raise DestinationError(str(error)) from error

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def object_key(discarded: DiscardedRecords, now: datetime) -> str:
    """Return the name of the object in the bucket.

    It is ``aws/lambda/<UUID>/<topic>-<partition>/YYYY/MM/DD/YYYY-MM-DDTHH.MM.SS-<random UUID>``, as
    documented for Kinesis, with the first partition in place of the shard.
    """
    shard = f"{discarded.mapping.topic}-{next(iter(discarded.records))}"
    return (
        f"aws/lambda/{discarded.mapping.uuid}/{shard}/{now:%Y/%m/%d}/"
        f"{now:%Y-%m-%dT%H.%M.%S}-{uuid.uuid4()}"
    )


def _to_queue(client: Any, arn: str, discarded: DiscardedRecords) -> None:
    body = batch_record(discarded, with_payload=False).decode()
    client.send_message(QueueUrl=queue_url(client, arn), MessageBody=body)


def _to_topic(client: Any, arn: str, discarded: DiscardedRecords) -> None:
    client.publish(TopicArn=arn, Message=batch_record(discarded, with_payload=False).decode())


def _to_bucket(client: Any, arn: str, discarded: DiscardedRecords) -> None:
    client.put_object(
        Bucket=arn.rpartition(":")[2],
        Key=object_key(discarded, datetime.now(UTC)),
        Body=batch_record(discarded, with_payload=True),
    )


_WRITERS: Final[dict[str, Callable[[Any, str, DiscardedRecords], None]]] = {
    "sqs": _to_queue,
    "sns": _to_topic,
    "s3": _to_bucket,
}
