"""The outbox: events for the notification function, stored with the change that causes them."""

from __future__ import annotations

import msgspec

from shared.bus.producer import Publisher
from shared.contract.envelope import Envelope
from user.accounts.model import CommandId, Event


class Outbox:
    """Publishes events after the transaction that stored them, and at every later delivery.

    So a crash in between loses none, and the notification function drops repeated ones by their
    idempotency key.
    """

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    def publish(self, command_id: CommandId, events: tuple[Event, ...]) -> None:
        """Publish the events of a command; return when all are safe in Kafka.

        Raises:
            Unavailable: Kafka did not take one.
        """
        caused_by = command_id.envelope
        # The correlation id stays: fields sealed to the notification function are bound to it.
        envelope = Envelope(
            correlation_id=caused_by.correlation_id,
            request_id=caused_by.request_id,
            traceparent=caused_by.traceparent,
            idempotency_key=f"{command_id.topic} {command_id.idempotency_key}",
        )
        sent = [
            self._publisher.publish(
                event.topic,
                value=msgspec.json.encode(event.message),
                key=event.key,
                headers=envelope.to_headers(),
            )
            for event in events
        ]
        for each in sent:
            each.result()
