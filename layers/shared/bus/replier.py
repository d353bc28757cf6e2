"""Replies: from a function back to the requester."""

from __future__ import annotations

import logging

from shared.bus.producer import Publisher, Undeliverable
from shared.contract.envelope import Envelope, reply_headers
from shared.contract.errors import Refusal
from shared.contract.messages import encode_refusal
from shared.contract.topics import is_reply_topic

log = logging.getLogger(__name__)


class Replier:
    """Sends replies; returns when they are safe in Kafka."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    def reply(self, request: Envelope, value: bytes) -> None:
        """Send a value as the reply.

        Raises:
            Unavailable: Kafka did not take the reply; the request has to be delivered again.
        """
        self._send(request, value, None)

    def refuse(self, request: Envelope, refusal: Refusal) -> None:
        """Send a refusal as the reply: NestJS's error header and no value.

        Raises:
            Unavailable: as above.
        """
        self._send(request, None, encode_refusal(refusal))

    def _send(self, request: Envelope, value: bytes | None, error: bytes | None) -> None:
        if not request.expects_reply:
            return
        topic = request.reply_topic or ""
        if not is_reply_topic(topic):
            log.warning("reply refused: not a reply topic", extra={"reply_topic": topic[:249]})
            return
        delivered = self._publisher.publish(
            topic,
            value=value,
            key=None,
            headers=reply_headers(request, error),
            partition=-1 if request.reply_partition is None else request.reply_partition,
        )
        try:
            delivered.result()
        except Undeliverable as undeliverable:
            # Delivering the request again would not make its reply address any better.
            log.warning("reply dropped", extra={"reason": undeliverable.message})
