"""The command ``lambda-esm replay``: write the original records to their topics again."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterable
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from lambda_esm.connect.brokers import probe
from lambda_esm.connect.client import client_config
from lambda_esm.errors import EsmError
from lambda_esm.options import add_kafka_client, kafka_settings
from lambda_esm.replay.entries import OffsetRange, Unreadable, condition, read_entry
from lambda_esm.replay.records import OriginalRecord
from lambda_esm.replay.sources import ReplaySource, replay_source

log = logging.getLogger(__name__)

_TIMEOUT_S: Final = 30.0

HELP: Final = "write discarded records to their topics again"
DESCRIPTION: Final = """\
Read an on-failure destination, and write the original records to their topics again.

A record goes to its own topic and partition, with its key, value, headers and time. Every
consumer of that topic gets it, not only the function that failed. A replayed entry is
acknowledged: committed in Kafka for the group replay-TOPIC, deleted in SQS and S3.
"""
EPILOG: Final = """\
examples:
  lambda-esm replay kafka://orders.failed --bootstrap-servers localhost:9092 --dry-run
  lambda-esm replay arn:aws:sqs:eu-west-1:123456789012:failed --bootstrap-servers localhost:9092
  lambda-esm replay arn:aws:s3:::failed/aws/lambda/ --bootstrap-servers localhost:9092
"""


def run(args: argparse.Namespace) -> None:
    """Replay the destination that the command line names.

    Raises:
        EsmError: the destination or the brokers cannot be used.
    """
    settings = kafka_settings(args)
    connection = {
        **client_config(settings),
        "fetch.wait.max.ms": settings.kafka_fetch_wait_ms,
        **dict(args.kafka_property),
    }
    probe(connection, args.connect_timeout)
    source = replay_source(args.destination, connection)
    count = Replay(source, connection, dry_run=args.dry_run).run(args.limit)
    log.info("replay ended", extra={"records": count, "dry_run": args.dry_run})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "destination",
        help="kafka://TOPIC, or the ARN of an SQS queue or S3 bucket (arn:aws:s3:::BUCKET/PREFIX)",
    )
    add_kafka_client(parser)
    parser.add_argument(
        "--limit", type=int, metavar="N", help="replay only the N oldest entries (default: all)"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="log what would be written, and write nothing"
    )


class Replay:
    """Writes original records to their topics again.

    Args:
        source: the destination, read back.
        connection: librdkafka's properties.
        dry_run: only log what would be written.
    """

    def __init__(self, source: ReplaySource, connection: dict[str, Any], *, dry_run: bool) -> None:
        self._source = source
        self._connection = connection
        self._dry_run = dry_run
        self._producer = Producer({**connection, "enable.idempotence": True, "linger.ms": 5})

    def run(self, limit: int | None) -> int:
        """Replay at most ``limit`` entries; return how many records those had."""
        count = 0
        for index, text in enumerate(self._source):
            if index == limit:
                break
            try:
                entry = read_entry(text)
            except Unreadable as error:
                log.warning("skipped", extra={"reason": str(error)})
                continue
            records = list(self._complete(entry))
            log.info(
                "replayed" if not self._dry_run else "would replay",
                extra=_log_fields(text, records),
            )
            if not self._dry_run:
                self._write(records)
                self._source.acknowledge()
            count += len(records)
        return count

    def _complete(self, entry: Iterable[OriginalRecord | OffsetRange]) -> Iterable[OriginalRecord]:
        """Yield the records of an entry, those of ranges from their topic."""
        for each in entry:
            if isinstance(each, OffsetRange):
                yield from read_range(each, self._connection)
            else:
                yield each

    def _write(self, records: list[OriginalRecord]) -> None:
        reports: list[KafkaError | None] = []
        for record in records:
            self._producer.produce(
                record.topic,
                record.value,
                record.key,
                record.partition,
                on_delivery=lambda error, _: reports.append(error),
                timestamp=record.timestamp_ms,
                headers=list(record.headers),
            )
        self._producer.flush(_TIMEOUT_S)
        errors = [error.str() for error in reports if error is not None]
        if errors or len(reports) < len(records):
            raise EsmError(f"A record could not be written: {(errors or ['no answer'])[0]}.")


def read_range(wanted: OffsetRange, connection: dict[str, Any]) -> Iterable[OriginalRecord]:
    """Yield the records of a range, as far as their topic still has them."""
    consumer = Consumer({**connection, "group.id": "replay", "enable.auto.commit": False})
    try:
        partition = TopicPartition(wanted.topic, wanted.partition, wanted.first)
        low, high = consumer.get_watermark_offsets(partition, timeout=_TIMEOUT_S)
        if low > wanted.first:
            gone = min(low, wanted.last + 1) - wanted.first
            log.warning("no longer in the topic", extra={"topic": wanted.topic, "records": gone})
        partition.offset = max(low, wanted.first)
        consumer.assign([partition])
        yield from _until(consumer, min(wanted.last, high - 1) - partition.offset + 1)
    except KafkaException as error:
        raise EsmError(f"{wanted.topic} cannot be read: {error.args[0].str()}.") from None
    finally:
        consumer.close()


def _until(consumer: Consumer, count: int) -> Iterable[OriginalRecord]:
    while count > 0:
        for message in consumer.consume(count, _TIMEOUT_S):
            if message.error() is not None:
                raise KafkaException(message.error())
            count -= 1
            yield _record_of(message)


def _record_of(message: Any) -> OriginalRecord:
    return OriginalRecord(
        topic=message.topic(),
        partition=message.partition(),
        offset=message.offset(),
        timestamp_ms=message.timestamp()[1],
        key=message.key(),
        value=message.value(),
        headers=tuple(message.headers() or ()),
    )


def _log_fields(text: bytes | str, records: list[OriginalRecord]) -> dict[str, Any]:
    places = ",".join(f"{r.topic}-{r.partition}:{r.offset}" for r in records[:10])
    more = {"more": len(records) - 10} if len(records) > 10 else {}
    return {"condition": condition(text), "records": places or "none", **more}
