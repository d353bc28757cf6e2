"""``/api/v1/auth/password``: change, forgot, reset."""

from __future__ import annotations

from gateway.http import requests, responses
from gateway.http.openapi import API_PREFIX, api_router, with_body
from gateway.routes.dependencies import Provided, SignedInUser
from gateway.security.one_time_tokens import OneTimeToken

router = api_router("password", f"{API_PREFIX}/auth/password")


@router.post("/change", status_code=204, responses=with_body(401))
async def change(body: requests.ChangePassword, who: SignedInUser, services: Provided) -> None:
    """Another password; all other sessions end."""
    await services.attempts.password(who.user_id)
    ended = await services.credentials.change_password(
        who, body.current_password, body.new_password
    )
    await services.attempts.password_was_right(who.user_id)
    await services.denied.add(*ended.ended)
    await services.cache.remove(who.user_id)


@router.post("/forgot", status_code=202, responses=with_body())
async def forgot(body: requests.Forgot, services: Provided) -> responses.Accepted:
    """Have a link mailed, if the address has an account; the answer is the same if not."""
    await services.attempts.network("forgot")
    if await services.attempts.may_mail("forgot", body.email):
        await services.credentials.forgot_password(body.email)
    return responses.Accepted()


@router.post("/reset", status_code=204, responses=with_body(400))
async def reset(body: requests.Reset, services: Provided) -> None:
    """Another password, with the token that was mailed; all sessions end."""
    await services.attempts.network("reset")
    ended = await services.credentials.reset_password(OneTimeToken.of(body.token), body.password)
    await services.denied.add(*ended.ended)
