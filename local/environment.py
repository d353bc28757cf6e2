"""The environment of each program of the system, on one machine."""

from __future__ import annotations

from typing import NamedTuple

from local import ports
from local.keys import Keys

_EMBEDDED_FETCH_WAIT_MS = "5"  # see local.services.broker


class Addresses(NamedTuple):
    """Where everything is.

    Attributes:
        api, inbox: base URLs for HTTP.
        kafka: ``host:port``, comma-separated.
        database, redis, smtp: URLs.
        embedded_broker: whether Kafka is librdkafka's mock cluster.
    """

    api: str
    inbox: str
    kafka: str
    database: str
    redis: str
    smtp: str
    embedded_broker: bool = True

    def for_tools(self) -> dict[str, str]:
        """Return what a tool needs to join: the content of ``.local/dev.env``."""
        return {
            "API_URL": self.api,
            "INBOX_URL": self.inbox,
            "DATABASE_URL": self.database,
            "REDIS_URL": self.redis,
            "SMTP_URL": self.smtp,
            **_kafka(self),
        }


def for_gateway(addresses: Addresses, keys: Keys, port: int) -> dict[str, str]:
    """Return the gateway's variables: it signs tokens, and seals with public keys."""
    return {
        **_common(addresses),
        "HOST": ports.HOST,  # some shells export the machine's name under this one
        "PORT": str(port),
        "REDIS_URL": addresses.redis,
        "JWT_SIGNING_KEYS": keys.jwt.to_json(),
        "USER_PUBLIC_KEYS": keys.user.public().to_json(),
        "NOTIFICATION_PUBLIC_KEYS": keys.notification.public().to_json(),
    }


def for_function(name: str, addresses: Addresses, keys: Keys) -> dict[str, str]:
    """Return the variables of a function that event source mappings drive.

    Args:
        name: of its folder. One that is not listed below is given every address, and no key.
    """
    known = {"user": for_user, "notification": for_notification}
    if name in known:
        return known[name](addresses, keys)
    return {
        **_common(addresses),
        "DATABASE_URL": addresses.database,
        "REDIS_URL": addresses.redis,
        "SMTP_URL": addresses.smtp,
    }


def for_user(addresses: Addresses, keys: Keys) -> dict[str, str]:
    """Return the user function's variables."""
    return {
        **_common(addresses),
        "DATABASE_URL": addresses.database,
        "USER_PRIVATE_KEYS": keys.user.to_json(),
    }


def for_notification(addresses: Addresses, keys: Keys) -> dict[str, str]:
    """Return the notification function's variables."""
    return {
        **_common(addresses),
        "REDIS_URL": addresses.redis,
        "NOTIFICATION_PRIVATE_KEYS": keys.notification.to_json(),
        "MAIL_TRANSPORT": "smtp",
        "SMTP_URL": addresses.smtp,
        "MAIL_FROM": "User Services <no-reply@example.com>",
        "LINK_BASE_URL": addresses.api,
    }


def for_migration(database: str) -> dict[str, str]:
    """Return the variables of ``python -m user.operations.migrate``."""
    return {"DATABASE_URL": database, "LOG_FORMAT": "line"}


def _common(addresses: Addresses) -> dict[str, str]:
    return {**_kafka(addresses), "LOG_FORMAT": "line"}


def _kafka(addresses: Addresses) -> dict[str, str]:
    kafka = {
        "KAFKA_BOOTSTRAP_SERVERS": addresses.kafka,
        "KAFKA_SECURITY_PROTOCOL": "PLAINTEXT",
    }
    if addresses.embedded_broker:
        kafka["KAFKA_FETCH_WAIT_MS"] = _EMBEDDED_FETCH_WAIT_MS
    return kafka
