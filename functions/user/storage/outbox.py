"""Sending what a change wants sent: events for the notification function."""

from __future__ import annotations

import msgspec

from shared.bus.producer import Publisher
from shared.contract.envelope import Envelope
from user.accounts.model import CommandId, Event


class Outbox:
    """Sends events, after the transaction that wants them and at every later delivery of it.

    So none is lost by a crash in between, and the notification function drops the repeated ones
    by their idempotency key.
    """

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    def publish(self, command_id: CommandId, events: tuple[Event, ...]) -> None:
        """Send the events of a command; returns when all are safe in Kafka.

        Raises:
            Unavailable: Kafka did not take one.
        """
        asked = command_id.envelope
        # The correlation id goes on: what is sealed for the notification function is bound to it.
        envelope = Envelope(
            correlation_id=asked.correlation_id,
            request_id=asked.request_id,
            traceparent=asked.traceparent,
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
