"""``/health``: whether the process is alive, and whether it would serve a request."""

from __future__ import annotations

from gateway.http import responses
from gateway.http.fastapi import Response
from gateway.http.openapi import api_router
from gateway.routes.dependencies import ServicesDep

router = api_router("health", "/health")


@router.get("", name="health")
@router.get("/live")
async def live() -> responses.Alive:
    """Return at once: the process is alive."""
    return responses.Alive()


@router.get("/ready", responses={503: {"model": responses.Readiness, "description": "Not ready"}})
async def ready(response: Response, services: ServicesDep) -> responses.Readiness:
    """Return the state of Kafka, Redis, and the user service with its database."""
    readiness = await services.readiness.check()
    response.status_code = 200 if readiness.status == "ready" else 503
    return readiness
