"""A Kafka topic as the on-failure destination: one message for each record."""

from __future__ import annotations

import logging
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Producer

from lambda_esm.destinations.on_failure import DestinationError, Failure, single_record
from lambda_esm.model.event import Row

log = logging.getLogger(__name__)

_TIMEOUT_S: Final = 30.0
# The client's own limit must not be the smaller one: a record with its wrapping is larger than
# the record was.
_CLIENT_LIMIT_BYTES: Final = 64 * 1024 * 1024


class KafkaDestination:
    """Writes to a topic of the cluster that the records came from, with their keys.

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

    def send(self, failure: Failure) -> None:
        """Write all records of the failure; returns when all in-sync replicas have them.

        A record that is too large for the topic once it is wrapped is written without its
        payload: where it stood is still known, and the partition goes on.
        """
        too_large = self._write(failure, _each(failure), with_payload=True)
        if too_large:
            log.warning("payload left out: too large", extra={"records": len(too_large)})
            self._write(failure, too_large, with_payload=False)

    def close(self) -> None:
        """Wait for what is on its way."""
        self._producer.flush(_TIMEOUT_S)

    def _write(
        self, failure: Failure, records: list[tuple[int, Row]], *, with_payload: bool
    ) -> list[tuple[int, Row]]:
        """Write; what comes back was too large."""
        reports: dict[int, KafkaError | None] = {}
        for index, (number, row) in enumerate(records):
            value = single_record(failure, number, row, with_payload=with_payload)
            self._produce(value, row[2], index, reports)
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


def _each(failure: Failure) -> list[tuple[int, Row]]:
    return [(number, row) for number, rows in failure.rows.items() for row in rows]
