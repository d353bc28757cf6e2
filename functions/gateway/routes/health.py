"""``/health``: is this process alive, and would a request be answered?"""

from __future__ import annotations

from gateway import schemas
from gateway.routes.part import part
from gateway.services import Provided
from gateway.web import Response

router = part("health", "/health")


@router.get("", name="health")
@router.get("/live")
async def live() -> schemas.Alive:
    """This process answers."""
    return schemas.Alive()


@router.get("/ready", responses={503: {"model": schemas.Readiness, "description": "Not ready"}})
async def ready(response: Response, services: Provided) -> schemas.Readiness:
    """Kafka, Redis, and the user service with its database, each with its state."""
    readiness = await services.readiness.check()
    response.status_code = 200 if readiness.status == "ready" else 503
    return readiness
