"""``/health``: is this process alive, and would a request be answered?"""

from __future__ import annotations

from gateway.http import responses
from gateway.http.fastapi import Response
from gateway.http.openapi import api_router
from gateway.routes.dependencies import ServicesDep

router = api_router("health", "/health")


@router.get("", name="health")
@router.get("/live")
async def live() -> responses.Alive:
    """This process answers."""
    return responses.Alive()


@router.get("/ready", responses={503: {"model": responses.Readiness, "description": "Not ready"}})
async def ready(response: Response, services: ServicesDep) -> responses.Readiness:
    """Kafka, Redis, and the user service with its database, each with its state."""
    readiness = await services.readiness.check()
    response.status_code = 200 if readiness.status == "ready" else 503
    return readiness
