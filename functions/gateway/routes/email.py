"""``/api/v1/auth/email``: confirm an address."""

from __future__ import annotations

from gateway.errors import NotAuthenticated
from gateway.http import requests, responses
from gateway.http.openapi import API_PREFIX, api_router, with_body
from gateway.routes.dependencies import OptionalClaims, ServicesDep
from gateway.security.one_time_tokens import OneTimeToken

router = api_router("email", f"{API_PREFIX}/auth/email/verify")


@router.post("", status_code=204, responses=with_body(400, 409))
async def verify(body: requests.Verify, services: ServicesDep) -> None:
    """Confirm the address that the token was mailed to."""
    async with services.abuse_limits.token("verify"):
        user = await services.credentials.verify_email(OneTimeToken.of(body.token))
    await services.profile_cache.put(user)


@router.post(
    "/resend",
    status_code=202,
    responses=with_body(401),
    openapi_extra={"security": [{}]},  # beside the bearer token: either will do
)
async def resend(
    claims: OptionalClaims, services: ServicesDep, body: requests.Resend | None = None
) -> responses.Accepted:
    """Have the link mailed again, to the given address or to that of the signed-in user.

    The response is the same whether or not the address waits for a link.
    """
    await services.abuse_limits.count_request("resend")
    email = body.email if body else None
    if email is None:
        if claims is None:
            raise NotAuthenticated("Give an email, or an access token.")
        email = (await services.accounts.find(claims)).email
    if await services.abuse_limits.may_mail("resend", email):
        await services.credentials.send_verification(email)
    return responses.Accepted()
