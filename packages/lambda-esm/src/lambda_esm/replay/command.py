"""The command: read a destination, and write the original records to their topic again.

A record goes back to its own topic and partition, with its key, value, headers and time. Whoever
reads that topic gets it again, not only the function that failed.
"""

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
from lambda_esm.replay.entries import Range, Unreadable, condition, contents
from lambda_esm.replay.records import Record
from lambda_esm.replay.sources import Source, source_of

log = logging.getLogger(__name__)

_TIMEOUT_S: Final = 30.0


HELP: Final = "deliver again what went to an on-failure destination"


def run(given: argparse.Namespace) -> None:
    """Replay what the command line names.

    Raises:
        EsmError: the destination or the brokers cannot be used.
    """
    settings = kafka_settings(given)
    connection = {
        **client_config(settings),
        "fetch.wait.max.ms": settings.kafka_fetch_wait_ms,
        **dict(given.kafka_property),
    }
    probe(connection, given.connect_timeout)
    source = source_of(given.destination, connection)
    count = Replay(source, connection, dry=given.dry_run).run(given.limit)
    log.info("replay ended", extra={"records": count, "dry_run": given.dry_run})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "destination",
        help="kafka://topic, an SQS queue's ARN, or a bucket's (arn:aws:s3:::bucket/prefix)",
    )
    add_kafka_client(parser)
    parser.add_argument("--limit", type=int, metavar="N", help="only the N oldest entries")
    parser.add_argument("--dry-run", action="store_true", help="say what would be put back")


class Replay:
    """Puts records back.

    Args:
        source: the destination, read from the other side.
        connection: librdkafka's properties.
        dry: only say what would be done.
    """

    def __init__(self, source: Source, connection: dict[str, Any], *, dry: bool) -> None:
        self._source = source
        self._connection = connection
        self._dry = dry
        self._producer = Producer({**connection, "enable.idempotence": True, "linger.ms": 5})

    def run(self, limit: int | None) -> int:
        """Put back the records of at most ``limit`` entries; how many records those were."""
        count = 0
        for index, text in enumerate(self._source):
            if index == limit:
                break
            try:
                found = contents(text)
            except Unreadable as error:
                log.warning("skipped", extra={"reason": str(error)})
                continue
            records = list(self._whole(found))
            log.info("replayed" if not self._dry else "would replay", extra=_line(text, records))
            if not self._dry:
                self._write(records)
                self._source.done()
            count += len(records)
        return count

    def _whole(self, found: Iterable[Record | Range]) -> Iterable[Record]:
        for each in found:
            if isinstance(each, Range):
                yield from read_range(each, self._connection)
            else:
                yield each

    def _write(self, records: list[Record]) -> None:
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
            raise EsmError(f"A record could not be put back: {(errors or ['no answer'])[0]}.")


def read_range(place: Range, connection: dict[str, Any]) -> Iterable[Record]:
    """The records of a range, as far as their topic still has them."""
    consumer = Consumer({**connection, "group.id": "replay", "enable.auto.commit": False})
    try:
        partition = TopicPartition(place.topic, place.partition, place.first)
        low, high = consumer.get_watermark_offsets(partition, timeout=_TIMEOUT_S)
        if low > place.first:
            gone = min(low, place.last + 1) - place.first
            log.warning("no longer in the topic", extra={"topic": place.topic, "records": gone})
        partition.offset = max(low, place.first)
        consumer.assign([partition])
        yield from _until(consumer, min(place.last, high - 1) - partition.offset + 1)
    except KafkaException as error:
        raise EsmError(f"{place.topic} cannot be read: {error.args[0].str()}.") from None
    finally:
        consumer.close()


def _until(consumer: Consumer, count: int) -> Iterable[Record]:
    while count > 0:
        for message in consumer.consume(count, _TIMEOUT_S):
            if message.error() is not None:
                raise KafkaException(message.error())
            count -= 1
            yield _record_of(message)


def _record_of(message: Any) -> Record:
    return Record(
        topic=message.topic(),
        partition=message.partition(),
        offset=message.offset(),
        timestamp_ms=message.timestamp()[1],
        key=message.key(),
        value=message.value(),
        headers=tuple(message.headers() or ()),
    )


def _line(text: bytes | str, records: list[Record]) -> dict[str, Any]:
    places = ",".join(f"{r.topic}-{r.partition}:{r.offset}" for r in records[:10])
    more = {"more": len(records) - 10} if len(records) > 10 else {}
    return {"condition": condition(text), "records": places or "none", **more}
