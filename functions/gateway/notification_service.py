"""The notification service, as the gateway reaches it: events without a reply."""

from __future__ import annotations

import uuid

from gateway.context import request_context
from gateway.security.one_time_tokens import OneTimeToken
from shared.bus.requester import Requester
from shared.contract.messages import SendWelcome, User, encode
from shared.contract.topics import NOTIFICATION_WELCOME
from shared.security.sealing import Sealer


class NotificationServiceClient:
    """Emits events; each method returns when its event is safe in Kafka.

    So an event that the client's response stands for is not lost with this process.

    Args:
        sealer: seals to the notification function.
    """

    def __init__(self, requester: Requester, sealer: Sealer) -> None:
        self._requester = requester
        self._sealer = sealer

    async def send_welcome(self, user: User, verification: OneTimeToken) -> None:
        """Send a welcome mail with the token that confirms the address.

        Raises:
            Unavailable: Kafka did not take the event.
        """
        correlation_id = uuid.uuid4().hex
        token = self._sealer.seal(
            verification.value,
            topic=NOTIFICATION_WELCOME,
            field="token",
            correlation_id=correlation_id,
        )
        event = SendWelcome(user_id=user.id, email=user.email, name=user.name, token=token)
        envelope = request_context.get().envelope(
            correlation_id=correlation_id, idempotency_key=f"welcome-{user.id}"
        )
        await self._requester.publish(NOTIFICATION_WELCOME, user.id, encode(event), envelope)
