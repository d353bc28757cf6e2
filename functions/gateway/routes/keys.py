"""``/.well-known/jwks.json``: the public keys that verify access tokens."""

from __future__ import annotations

from gateway.http import responses
from gateway.http.fastapi import Response
from gateway.http.openapi import api_router
from gateway.routes.dependencies import ServicesDep

router = api_router("keys", "")

# A verifier fetches them again when it meets an unknown kid; until then the cache will do.
_CACHE = "public, max-age=300"


@router.get("/.well-known/jwks.json")
async def public_keys(response: Response, services: ServicesDep) -> responses.PublicKeys:
    """Return a JWK Set (RFC 7517); during a rotation it has two keys."""
    response.headers["cache-control"] = _CACHE
    return responses.PublicKeys.model_validate(services.access_tokens.public_keys())
