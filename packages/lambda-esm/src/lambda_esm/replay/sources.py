"""The destinations, read from the other side: a Kafka topic, an SQS queue, an S3 bucket.

What has been put back is marked so: committed, deleted. Whatever ends the command before that, the
next one puts it back again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final, Protocol

from confluent_kafka import Consumer, TopicPartition

from lambda_esm.errors import EsmError
from lambda_esm.model.account import region

_READ_S: Final = 10.0


class Source(Protocol):
    """Gives on-failure records, oldest first."""

    def __iter__(self) -> Iterator[bytes | str]:
        """Each record's text, until there are no more."""
        ...

    def done(self) -> None:
        """The last one given has been put back."""
        ...


def source_of(name: str, connection: dict[str, Any]) -> Source:
    """The destination of that name.

    Raises:
        EsmError: it cannot be read back.
    """
    if name.startswith("kafka://"):
        return KafkaSource(name.removeprefix("kafka://"), connection)
    if name.startswith("arn:") and name.split(":")[2] == "sqs":
        return QueueSource(name)
    if name.startswith("arn:") and name.split(":")[2] == "s3":
        return BucketSource(name)
    raise EsmError(
        f"{name} cannot be replayed: only kafka://topic, and the ARN of a queue or bucket."
    )


class KafkaSource:
    """A topic; how far it was put back is committed for the group ``replay-<topic>``."""

    def __init__(self, topic: str, connection: dict[str, Any]) -> None:
        self._topic = topic
        self._consumer = Consumer(
            {
                **connection,
                "group.id": f"replay-{topic}",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
            }
        )
        self._last: TopicPartition | None = None

    def __iter__(self) -> Iterator[bytes]:
        found = self._consumer.list_topics(self._topic, timeout=_READ_S).topics[self._topic]
        if found.error is not None:
            raise EsmError(f"The topic {self._topic} cannot be read: {found.error.str()}.")
        try:
            for number in sorted(found.partitions):
                yield from self._partition(number)
        finally:
            self._consumer.close()

    def done(self) -> None:
        """Commit it."""
        if self._last is not None:
            self._consumer.commit(offsets=[self._last], asynchronous=False)

    def _partition(self, number: int) -> Iterator[bytes]:
        place = TopicPartition(self._topic, number)
        # What fails again comes back here; it is for the next replay.
        low, end = self._consumer.get_watermark_offsets(place, timeout=_READ_S)
        (committed,) = self._consumer.committed([place], timeout=_READ_S)
        at = max(low, committed.offset)
        if at < end:
            self._consumer.assign([TopicPartition(self._topic, number, at)])
        while at < end:
            message = self._consumer.poll(_READ_S)
            if message is None or message.error() is not None:  # the partition's end
                return
            at = (message.offset() or 0) + 1
            self._last = TopicPartition(self._topic, number, at)
            yield bytes(message.value() or b"")


class QueueSource:
    """A queue; what was put back is deleted from it."""

    def __init__(self, arn: str) -> None:
        from lambda_esm.connect.aws import aws_client, queue_url  # boto3 takes long to import

        self._client = aws_client("sqs", arn.split(":")[3] or region())
        self._url = queue_url(self._client, arn)
        self._receipt = ""

    def __iter__(self) -> Iterator[str]:
        begun_ms = time.time() * 1000
        while messages := self._receive():
            for message in messages:
                if int(message["Attributes"]["SentTimestamp"]) > begun_ms:
                    return  # it has failed again: for the next replay
                self._receipt = message["ReceiptHandle"]
                yield message["Body"]

    def _receive(self) -> list[dict[str, Any]]:
        answer = self._client.receive_message(
            QueueUrl=self._url, AttributeNames=["SentTimestamp"], WaitTimeSeconds=1
        )
        messages: list[dict[str, Any]] = answer.get("Messages") or []
        return messages

    def done(self) -> None:
        """Delete it."""
        self._client.delete_message(QueueUrl=self._url, ReceiptHandle=self._receipt)


class BucketSource:
    """A bucket, or what begins with a prefix in it; what was put back is deleted from it."""

    def __init__(self, arn: str) -> None:
        from lambda_esm.connect.aws import aws_client  # boto3 takes long to import

        self._bucket, _, prefix = arn.rpartition(":")[2].partition("/")
        self._prefix = prefix or "aws/lambda/"
        self._client = aws_client("s3", region())
        self._key = ""

    def __iter__(self) -> Iterator[bytes]:
        pages = self._client.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix):
            for item in page.get("Contents", ()):
                self._key = item["Key"]
                yield self._client.get_object(Bucket=self._bucket, Key=self._key)["Body"].read()

    def done(self) -> None:
        """Delete it."""
        self._client.delete_object(Bucket=self._bucket, Key=self._key)
