"""The variables that the notification function needs."""

from __future__ import annotations

from functools import cache

from shared.security.sealing import JwkSet, new_key


@cache
def keys() -> JwkSet:
    """Return one key pair for all tests of this part."""
    return JwkSet((new_key("n1"),))


def environment(**variables: str) -> dict[str, str]:
    """Return a complete environment whose servers are nowhere, with some variables replaced."""
    return {
        "REDIS_URL": "redis://127.0.0.1:9",
        "SMTP_URL": "smtp://127.0.0.1:9",
        "NOTIFICATION_PRIVATE_KEYS": keys().to_json(),
        "MAIL_FROM": "Acme <no-reply@acme.example>",
        "LINK_BASE_URL": "https://app.example.com",
        "LOG_LEVEL": "DEBUG",
        **variables,
    }
