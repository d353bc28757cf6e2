"""The notification service, as the gateway sees it: events that nobody answers."""

from __future__ import annotations

from gateway.origin import origin
from shared import topics
from shared.asker import Asker
from shared.messages import SendWelcome, User, encode


class Notifications:
    """Emits events; each method returns when its event is safe in Kafka.

    So what the client is told has happened is not lost with this process.
    """

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    async def welcome(self, user: User) -> None:
        """A welcome mail.

        Raises:
            Unavailable: Kafka did not take the event.
        """
        event = SendWelcome(user_id=user.id, email=user.email, name=user.name)
        envelope = origin.get().envelope(idempotency_key=f"welcome-{user.id}")
        await self._asker.tell(topics.NOTIFICATION_WELCOME, user.id, encode(event), envelope)
