"""``/.well-known/jwks.json``: the keys with which anybody can verify access tokens."""

from __future__ import annotations

from gateway import views
from gateway.routes.part import part
from gateway.services import Provided
from gateway.web import Response

router = part("keys", "")

# A verifier that meets an unknown kid asks again; so this only spares it most of the asking.
_CACHE = "public, max-age=300"


@router.get("/.well-known/jwks.json")
async def public_keys(response: Response, services: Provided) -> views.PublicKeys:
    """A JWK Set (RFC 7517); two keys are alive during a rotation."""
    response.headers["cache-control"] = _CACHE
    return views.PublicKeys.model_validate(services.tokens.public_keys())
