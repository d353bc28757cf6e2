"""``/health``: is this process alive, and would a request be answered?"""

from __future__ import annotations

from gateway.http import requests
from gateway.http.api_router import part
from gateway.http.fastapi import Response
from gateway.routes.dependencies import Provided

router = part("health", "/health")


@router.get("", name="health")
@router.get("/live")
async def live() -> requests.Alive:
    """This process answers."""
    return requests.Alive()


@router.get("/ready", responses={503: {"model": requests.Readiness, "description": "Not ready"}})
async def ready(response: Response, services: Provided) -> requests.Readiness:
    """Kafka, Redis, and the user service with its database, each with its state."""
    readiness = await services.readiness.check()
    response.status_code = 200 if readiness.status == "ready" else 503
    return readiness
