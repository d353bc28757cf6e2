"""``/.well-known/jwks.json``: the keys with which anybody can verify access tokens."""

from __future__ import annotations

from gateway.http import responses
from gateway.http.fastapi import Response
from gateway.http.openapi import api_router
from gateway.routes.dependencies import ServicesDep

router = api_router("keys", "")

# A verifier that meets an unknown kid asks again; so this only spares it most of the asking.
_CACHE = "public, max-age=300"


@router.get("/.well-known/jwks.json")
async def public_keys(response: Response, services: ServicesDep) -> responses.PublicKeys:
    """A JWK Set (RFC 7517); two keys are alive during a rotation."""
    response.headers["cache-control"] = _CACHE
    return responses.PublicKeys.model_validate(services.access_tokens.public_keys())
