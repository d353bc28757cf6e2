"""SQS, SNS and S3 as on-failure destinations: one record for each batch.

SQS and SNS get metadata only, S3 the whole event beside it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from lambda_esm.connect.aws import AWS_ERRORS, aws_client, queue_url
from lambda_esm.destinations.on_failure import DestinationError, Failure, batch_record
from lambda_esm.model.account import region


class AwsDestination:
    """What an ARN names: a queue, an SNS topic or a bucket.

    Raises:
        EsmError: no client can be made.
    """

    def __init__(self, arn: str) -> None:
        service, place = arn.split(":")[2:4]
        self._arn = arn
        self._write = _WRITERS[service]
        self._client = aws_client(service, place or region())

    def send(self, failure: Failure) -> None:
        """Write the batch's record."""
        try:
            self._write(self._client, self._arn, failure)
        except AWS_ERRORS as error:
            raise DestinationError(str(error)) from error

    def close(self) -> None:
        """Give back the connections."""
        self._client.close()


def object_key(failure: Failure, now: datetime) -> str:
    """``aws/lambda/<UUID>/<topic>-<partition>/YYYY/MM/DD/YYYY-MM-DDTHH.MM.SS-<random UUID>``.

    As documented for Kinesis, with the first partition in the place of the shard.
    """
    shard = f"{failure.mapping.topic}-{next(iter(failure.rows))}"
    return (
        f"aws/lambda/{failure.mapping.uuid}/{shard}/{now:%Y/%m/%d}/"
        f"{now:%Y-%m-%dT%H.%M.%S}-{uuid.uuid4()}"
    )


def _to_queue(client: Any, arn: str, failure: Failure) -> None:
    body = batch_record(failure, with_payload=False).decode()
    client.send_message(QueueUrl=queue_url(client, arn), MessageBody=body)


def _to_topic(client: Any, arn: str, failure: Failure) -> None:
    client.publish(TopicArn=arn, Message=batch_record(failure, with_payload=False).decode())


def _to_bucket(client: Any, arn: str, failure: Failure) -> None:
    client.put_object(
        Bucket=arn.rpartition(":")[2],
        Key=object_key(failure, datetime.now(UTC)),
        Body=batch_record(failure, with_payload=True),
    )


_WRITERS: Final[dict[str, Callable[[Any, str, Failure], None]]] = {
    "sqs": _to_queue,
    "sns": _to_topic,
    "s3": _to_bucket,
}
