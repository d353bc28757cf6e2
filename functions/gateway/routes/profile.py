"""``/api/v1/auth/profile``: the signed-in user, read from the cache where it can be."""

from __future__ import annotations

import msgspec

from gateway.http import requests, responses
from gateway.http.fastapi import Response
from gateway.http.openapi import API_PREFIX, api_router, problems, with_body
from gateway.routes.dependencies import CurrentClaims, Services, ServicesDep
from gateway.security.access_tokens import Claims
from shared.contract.messages import User

router = api_router("profile", f"{API_PREFIX}/auth")

# RFC 9211.
_HIT = {"cache-status": "redis; hit"}
_MISS = {"cache-status": "redis; fwd=miss"}
_ATTACHMENT = {"content-disposition": 'attachment; filename="account.json"'}


@router.get("/profile", response_model=responses.Profile, responses=problems(401, 404))
async def get_profile(claims: CurrentClaims, services: ServicesDep) -> Response:
    """Return your profile."""
    cached = await services.profile_cache.get(claims.user_id)
    if cached is not None:
        return _json(cached, _HIT)
    user = await services.accounts.find(claims)
    return _json(await services.profile_cache.put(user), _MISS)


@router.patch("/profile", response_model=responses.Profile, responses=with_body(401, 403, 404, 409))
async def change_profile(
    body: requests.ProfileChange, claims: CurrentClaims, services: ServicesDep
) -> Response:
    """Change your name or e-mail; absent members stay as they are.

    A new e-mail counts once it is confirmed, with the link that is mailed there.
    """
    if body.email is not None:
        user = await _change_email(body.email, body.password, claims, services)
    profile = body.profile()
    if profile:
        user = await services.accounts.update(claims, profile)
    return _json(await services.profile_cache.put(user))


@router.delete("/profile", status_code=204, responses=with_body(401))
async def delete_profile(
    body: requests.PasswordOnly, claims: CurrentClaims, services: ServicesDep
) -> None:
    """Delete your account and all that is stored for it."""
    async with services.abuse_limits.password(claims.user_id):
        ended = await services.accounts.delete(claims, body.password)
    await services.revoked_sessions.add(*ended.ended)
    await services.profile_cache.remove(claims.user_id)


@router.get("/export", response_model=responses.Export, responses=problems(401))
async def export(claims: CurrentClaims, services: ServicesDep) -> Response:
    """Return all that is stored about you."""
    return _json(msgspec.json.encode(await services.accounts.export(claims)), _ATTACHMENT)


async def _change_email(
    email: str, password: str | None, claims: Claims, services: Services
) -> User:
    await services.abuse_limits.count_mail("change", email)
    quiet = services.sign_up == "private"
    async with services.abuse_limits.password_if_given(claims.user_id, password):
        return await services.credentials.change_email(claims, email, password, quiet=quiet)


def _json(profile: bytes, headers: dict[str, str] | None = None) -> Response:
    """Return JSON as it is stored: it is not parsed only to be written again."""
    return Response(profile, headers=headers, media_type="application/json")
