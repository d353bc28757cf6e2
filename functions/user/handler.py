"""Lambda entry of the user function: Kafka event in, partial batch response out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from shared.settings import load
from shared.telemetry import configure
from user.settings import Settings
from user.wiring import build

_settings = load(Settings, os.environ)
configure("user", _settings)
_function = build(_settings)


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda passes it
    """Carry out the commands of one batch.

    Args:
        event: AWS's Kafka event, of MSK or self-managed Kafka.
        context: Lambda's.

    Returns:
        ``{"batchItemFailures": [...]}``: what has to be delivered again.
    """
    return _function(event)
