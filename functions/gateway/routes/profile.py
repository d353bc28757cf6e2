"""``/api/v1/auth/profile``: the signed-in user, read from the cache where it can be."""

from __future__ import annotations

from fastapi import APIRouter, Response
from msgspec import UNSET

from gateway import schemas
from gateway.routes.responses import problems, with_body
from gateway.services import Provided, SignedInUser

router = APIRouter(tags=["profile"])

# RFC 9211.
_HIT = {"cache-status": "redis; hit"}
_MISS = {"cache-status": "redis; fwd=miss"}


@router.get("/profile", response_model=schemas.Profile, responses=problems(401, 404))
async def get_profile(claims: SignedInUser, services: Provided) -> Response:
    """Your profile."""
    cached = await services.cache.get(claims.user_id)
    if cached is not None:
        return _json(cached, _HIT)
    user = await services.users.find(claims.user_id)
    return _json(await services.cache.put(user), _MISS)


@router.patch("/profile", response_model=schemas.Profile, responses=with_body(401, 404, 409))
async def change_profile(
    body: schemas.ProfileChange, claims: SignedInUser, services: Provided
) -> Response:
    """Change your name or e-mail; what is absent stays as it is."""
    user = await services.users.update(
        claims.user_id,
        name=body.name if "name" in body.model_fields_set else UNSET,
        email=body.email if body.email is not None else UNSET,
    )
    return _json(await services.cache.put(user))


def _json(profile: bytes, headers: dict[str, str] | None = None) -> Response:
    """The stored JSON as it is: nothing is parsed only to be written again."""
    return Response(profile, headers=headers, media_type="application/json")
