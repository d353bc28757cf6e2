"""A Kafka topic as the on-failure destination: one message for each record."""

from __future__ import annotations

import logging
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Producer

from lambda_esm.destinations.on_failure import DestinationError, DiscardedRecords, single_record
from lambda_esm.model.event import Record

log = logging.getLogger(__name__)

_TIMEOUT_S: Final = 30.0
# Far above any topic's limit, because the topic's is to decide: a wrapped record is larger than the
# record was.
_CLIENT_LIMIT_BYTES: Final = 64 * 1024 * 1024


class KafkaDestination:
    """A topic of the cluster that the records came from; they keep their keys.

    Args:
        topic: the destination's.
        config: addresses and security.
    """

    def __init__(self, topic: str, config: dict[str, Any]) -> None:
        self._topic = topic
        self._producer = Producer(
            {
                **config,
                "enable.idempotence": True,
                "linger.ms": 5,
                "message.timeout.ms": int(_TIMEOUT_S * 1000),
                "message.max.bytes": _CLIENT_LIMIT_BYTES,
            }
        )

    def send(self, discarded: DiscardedRecords) -> None:
        """Write all records, and return when all in-sync replicas have them.

        A record that is too large for the topic once it is wrapped is written without its
        payload. Its position is kept, and the partition goes on.
        """
        too_large = self._write(discarded, _each(discarded), with_payload=True)
        if too_large:
            log.warning("payload left out: too large", extra={"records": len(too_large)})
            self._write(discarded, too_large, with_payload=False)

    def close(self) -> None:
        """Wait for records on their way to the broker."""
        self._producer.flush(_TIMEOUT_S)

    def _write(
        self, discarded: DiscardedRecords, records: list[tuple[int, Record]], *, with_payload: bool
    ) -> list[tuple[int, Record]]:
        """Write the records; return the ones that were too large."""
        reports: dict[int, KafkaError | None] = {}
        for index, (number, record) in enumerate(records):
            value = single_record(discarded, number, record, with_payload=with_payload)
            self._produce(value, record.key, index, reports)
        self._producer.flush(_TIMEOUT_S)
        if len(reports) < len(records):
            raise DestinationError(f"no acknowledgement within {_TIMEOUT_S:.0f} s")
        errors = {index: error for index, error in reports.items() if error is not None}
        for error in errors.values():
            if error.code() != KafkaError.MSG_SIZE_TOO_LARGE or not with_payload:
                raise DestinationError(error.str())
        return [records[index] for index in sorted(errors)]

    def _produce(
        self, value: bytes, key: bytes | None, index: int, reports: dict[int, KafkaError | None]
    ) -> None:
        try:
            self._producer.produce(
                self._topic,
                value,
                key,
                on_delivery=lambda error, _: reports.__setitem__(index, error),
            )
        except BufferError:
            self._producer.flush(_TIMEOUT_S)
            raise DestinationError("the outgoing queue is full") from None
        except KafkaException as error:
            reports[index] = error.args[0]


def _each(discarded: DiscardedRecords) -> list[tuple[int, Record]]:
    return [(number, r) for number, records in discarded.records.items() for r in records]
