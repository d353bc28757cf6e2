"""The user service, as the gateway reaches it: over Kafka, with secrets sealed."""

from __future__ import annotations

from gateway.user_service.command import OutboundCommand
from shared.bus.requester import Requester
from shared.security.sealing import Sealer


class UserServiceClient:
    """Begins commands to the user function.

    Args:
        to_user: seals to the user function.
        to_notification: seals to the notification function what the user function passes on.
    """

    def __init__(self, requester: Requester, to_user: Sealer, to_notification: Sealer) -> None:
        self._requester = requester
        self._to_user = to_user
        self._to_notification = to_notification

    def command(self, topic: str) -> OutboundCommand:
        """Return a new command for a topic; what is sealed for it opens nowhere else."""
        return OutboundCommand(topic, self._requester, self._to_user, self._to_notification)
