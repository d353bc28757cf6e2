"""Lambda entry of the gateway: API Gateway's event in, its response out."""

from __future__ import annotations

import logging
import os

from mangum import Mangum

from gateway.app import create_app
from gateway.problems import MEDIA_TYPE
from gateway.settings import Settings
from gateway.wiring import Gateway
from shared.asker import Inline
from shared.settings import load
from shared.telemetry import configure

_settings = load(Settings, os.environ)
configure("gateway", _settings)
logging.getLogger("mangum").setLevel(logging.WARNING)  # the edge writes the line of a request
_gateway = Gateway(_settings, Inline)
_gateway.start()

# Without lifespan: Mangum would run start and stop around every single invocation.
handler = Mangum(
    create_app(_gateway.services),
    lifespan="off",
    text_mime_types=["application/json", MEDIA_TYPE, "text/"],
)
