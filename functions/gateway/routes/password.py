"""``/api/v1/auth/password``: change, forgot, reset."""

from __future__ import annotations

from gateway.http import requests, responses
from gateway.http.openapi import API_PREFIX, api_router, with_body
from gateway.routes.dependencies import CurrentClaims, ServicesDep
from gateway.security.one_time_tokens import OneTimeToken

router = api_router("password", f"{API_PREFIX}/auth/password")


@router.post("/change", status_code=204, responses=with_body(401))
async def change(
    body: requests.ChangePassword, claims: CurrentClaims, services: ServicesDep
) -> None:
    """Set another password and end all other sessions."""
    async with services.abuse_limits.password(claims.user_id):
        ended = await services.credentials.change_password(
            claims, body.current_password, body.new_password
        )
    await services.revoked_sessions.add(*ended.ended)
    await services.profile_cache.remove(claims.user_id)


@router.post("/forgot", status_code=202, responses=with_body())
async def forgot(body: requests.Forgot, services: ServicesDep) -> responses.Accepted:
    """Have a link mailed if the address has an account; the response is the same if not."""
    await services.abuse_limits.count_request("forgot")
    if await services.abuse_limits.may_mail("forgot", body.email):
        await services.credentials.forgot_password(body.email)
    return responses.Accepted()


@router.post("/reset", status_code=204, responses=with_body(400))
async def reset(body: requests.Reset, services: ServicesDep) -> None:
    """Set another password with the mailed token, and end all sessions."""
    token = OneTimeToken.of(body.token)
    async with services.abuse_limits.token("reset"):
        ended = await services.credentials.reset_password(token, body.password)
    await services.revoked_sessions.add(*ended.ended)
