"""The destinations, read back: a Kafka topic, an SQS queue, an S3 bucket.

An entry is one on-failure record. After its records were replayed it is acknowledged: committed or
deleted. A command that ends before that replays the entry again the next time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final, Protocol

from confluent_kafka import Consumer, TopicPartition

from lambda_esm.errors import EsmError
from lambda_esm.model.account import region

_TIMEOUT_S: Final = 10.0


class ReplaySource(Protocol):
    """The on-failure records of a destination, oldest first."""

    def __iter__(self) -> Iterator[bytes | str]:
        """Yield each entry's text until there are no more."""
        ...

    def acknowledge(self) -> None:
        """Mark the entry that was yielded last: it needs no other replay."""
        ...


def replay_source(name: str, connection: dict[str, Any]) -> ReplaySource:
    """Return the destination of that name, to be read back.

    Raises:
        EsmError: it is of a kind that cannot be read back.
    """
    if name.startswith("kafka://"):
        return KafkaSource(name.removeprefix("kafka://"), connection)
    if name.startswith("arn:") and name.split(":")[2] == "sqs":
        return QueueSource(name)
    if name.startswith("arn:") and name.split(":")[2] == "s3":
        return BucketSource(name)
    raise EsmError(
        f"{name} cannot be replayed: pass kafka://topic, or the ARN of a queue or bucket."
    )


class KafkaSource:
    """A topic; the group ``replay-<topic>`` has committed how far it was replayed."""

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
        found = self._consumer.list_topics(self._topic, timeout=_TIMEOUT_S).topics[self._topic]
        if found.error is not None:
            raise EsmError(f"The topic {self._topic} cannot be read: {found.error.str()}.")
        try:
            for number in sorted(found.partitions):
                yield from self._partition(number)
        finally:
            self._consumer.close()

    def acknowledge(self) -> None:
        """Commit the entry's offset."""
        if self._last is not None:
            self._consumer.commit(offsets=[self._last], asynchronous=False)

    def _partition(self, number: int) -> Iterator[bytes]:
        partition = TopicPartition(self._topic, number)
        # A record that fails again is written behind this end, for the next replay.
        low, end = self._consumer.get_watermark_offsets(partition, timeout=_TIMEOUT_S)
        (committed,) = self._consumer.committed([partition], timeout=_TIMEOUT_S)
        offset = max(low, committed.offset)
        if offset < end:
            self._consumer.assign([TopicPartition(self._topic, number, offset)])
        while offset < end:
            message = self._consumer.poll(_TIMEOUT_S)
            if message is None or message.error() is not None:  # the partition's end
                return
            offset = (message.offset() or 0) + 1
            self._last = TopicPartition(self._topic, number, offset)
            yield bytes(message.value() or b"")


class QueueSource:
    """A queue; replayed entries are deleted from it."""

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
                    return  # a record that failed again: for the next replay
                self._receipt = message["ReceiptHandle"]
                yield message["Body"]

    def _receive(self) -> list[dict[str, Any]]:
        response = self._client.receive_message(
            QueueUrl=self._url, AttributeNames=["SentTimestamp"], WaitTimeSeconds=1
        )
        messages: list[dict[str, Any]] = response.get("Messages") or []
        return messages

    def acknowledge(self) -> None:
        """Delete the entry."""
        self._client.delete_message(QueueUrl=self._url, ReceiptHandle=self._receipt)


class BucketSource:
    """A bucket, or a prefix in it; replayed entries are deleted from it."""

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

    def acknowledge(self) -> None:
        """Delete the entry."""
        self._client.delete_object(Bucket=self._bucket, Key=self._key)
