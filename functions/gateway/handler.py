"""Lambda entry of the gateway: an event of API Gateway in, a response out."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from mangum import Mangum

from gateway.app import create_app
from gateway.bootstrap import Gateway
from gateway.http.problems import MEDIA_TYPE
from gateway.middleware.cloudfront import with_front
from gateway.settings import Settings
from shared.bus.requester import CallerPolls
from shared.runtime.lambda_function import Handler, LambdaEvent, LambdaFunction, Response

# Imported when a request first needs them; a snapshot has them from the start.
_PRELOADED = ("email_validator", "redis.asyncio", "limits.aio.storage", "limits.aio.strategies")


def _build(settings: Settings) -> Handler:
    logging.getLogger("mangum").setLevel(
        logging.WARNING
    )  # RequestContextMiddleware logs each request
    gateway = Gateway(settings, CallerPolls)
    gateway.start()
    app: Any = with_front(create_app(gateway.services), settings)
    # Without lifespan: Mangum would run start and stop around every single invocation.
    texts = ["application/json", MEDIA_TYPE, "text/"]
    http: Any = Mangum(app, lifespan="off", text_mime_types=texts)
    return lambda event, context: http(event, context)


def _metrics(_: LambdaEvent, response: Response) -> Mapping[str, int]:
    return {f"Responses{response['statusCode'] // 100}xx": 1}


handler = LambdaFunction("gateway", Settings, _build, metrics=_metrics, preload=_PRELOADED)
