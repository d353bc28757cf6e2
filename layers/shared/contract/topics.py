"""The topics: their names, and how each is created."""

from __future__ import annotations

from typing import Final, NamedTuple

USER_REGISTER: Final = "user.register"
USER_VALIDATE: Final = "user.validate"
USER_FIND: Final = "user.find"
USER_UPDATE: Final = "user.update"
USER_SESSION: Final = "user.session"
USER_DELETE: Final = "user.delete"
NOTIFICATION_EMAIL: Final = "notification.send.email"
NOTIFICATION_WELCOME: Final = "notification.send.welcome"
NOTIFICATION_PASSWORD_RESET: Final = "notification.send.password-reset"  # noqa: S105 - a topic's name
GATEWAY_REPLY: Final = "gateway.reply"
USER_FAILED: Final = "user.failed"
NOTIFICATION_FAILED: Final = "notification.failed"

REPLY_SUFFIX: Final = ".reply"

_MINUTE_MS = 60_000
_DAY_MS = 24 * 60 * _MINUTE_MS


class Topic(NamedTuple):
    """How a topic is created.

    Attributes:
        name: the topic.
        partitions: the most batches that are worked on side by side; of the reply topic, the most
            gateways that do not read each other's replies.
        retention_ms: how long a record is kept (Kafka ``retention.ms``).
    """

    name: str
    partitions: int
    retention_ms: int


TOPICS: Final = (
    # Commands outlive a weekend's outage of the user function.
    Topic(USER_REGISTER, 6, 3 * _DAY_MS),
    Topic(USER_VALIDATE, 6, 3 * _DAY_MS),
    Topic(USER_FIND, 6, 3 * _DAY_MS),
    Topic(USER_UPDATE, 6, 3 * _DAY_MS),
    Topic(USER_SESSION, 6, 3 * _DAY_MS),
    Topic(USER_DELETE, 6, 3 * _DAY_MS),
    Topic(NOTIFICATION_EMAIL, 3, 7 * _DAY_MS),
    Topic(NOTIFICATION_WELCOME, 3, 7 * _DAY_MS),
    Topic(NOTIFICATION_PASSWORD_RESET, 3, 7 * _DAY_MS),
    # No requester waits for a reply past its deadline; the rest is only read amplification.
    Topic(GATEWAY_REPLY, 6, 10 * _MINUTE_MS),
    # On-failure destinations: an operator has to look at these.
    Topic(USER_FAILED, 1, 14 * _DAY_MS),
    Topic(NOTIFICATION_FAILED, 1, 14 * _DAY_MS),
)


def is_reply_topic(name: str) -> bool:
    """Return whether a reply may be sent there.

    A header must not be a way to write to any topic.
    """
    return name.endswith(REPLY_SUFFIX) and name != REPLY_SUFFIX
