"""Lambda entry of the notification function: Kafka event in, partial batch response out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from notification.settings import Settings
from notification.wiring import Invocation, NotificationFunction
from shared.settings import load
from shared.telemetry import configure

_settings = load(Settings, os.environ)
configure("notification", _settings)
_function = NotificationFunction(_settings)


def handler(event: Mapping[str, Any], context: Invocation) -> dict[str, Any]:
    """Send what the records of one batch ask for.

    Args:
        event: AWS's Kafka event, of MSK or self-managed Kafka.
        context: Lambda's; nothing is begun that its remaining time does not allow.

    Returns:
        ``{"batchItemFailures": [...]}``: what has to be delivered again.
    """
    return _function(event, context)
