"""``/api/v1/auth/totp``: the second factor, codes from an authenticator app (RFC 6238)."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from gateway.http import requests, responses
from gateway.http.openapi import API_PREFIX, api_router, with_body
from gateway.routes.dependencies import CurrentClaims, ServicesDep
from gateway.routes.token_response import new_session, token_response
from gateway.security.one_time_tokens import OneTimeToken, new_recovery_codes, new_totp_secret
from shared.contract.errors import SessionEnded

router = api_router("second factor", f"{API_PREFIX}/auth/totp")


@router.post("/enrol", responses=with_body(401, 403, 409))
async def enrol(
    claims: CurrentClaims, services: ServicesDep, body: requests.Reauthenticated | None = None
) -> responses.Enrolled:
    """Return a secret for the authenticator app. Nothing changes until a code is confirmed."""
    password = body.password if body else None
    secret = new_totp_secret()
    async with services.abuse_limits.password_if_given(claims.user_id, password):
        user = await services.second_factor.enrol(claims, secret, password)
    uri = _uri(secret, user.email, services.access_tokens.issuer)
    return responses.Enrolled(secret=secret, uri=uri)


@router.post("/confirm", responses=with_body(401, 409))
async def confirm(
    body: requests.TotpCode, claims: CurrentClaims, services: ServicesDep
) -> responses.RecoveryCodes:
    """Switch the second factor on with its first code, and return recovery codes to keep."""
    codes = new_recovery_codes()
    async with services.abuse_limits.code():
        await services.second_factor.confirm(claims, body.code, codes)
    return responses.RecoveryCodes(recovery_codes=codes)


@router.post("/challenge", responses=with_body(400, 401))
async def answer(body: requests.Answer, services: ServicesDep) -> responses.SignedIn:
    """Sign in, second step: a current code or a recovery code answers the challenge."""
    refresh = services.refresh_tokens.first()
    session = new_session(services, refresh)
    challenge = OneTimeToken.of(body.challenge_token)
    async with services.abuse_limits.code():
        opened = await services.sessions.answer(challenge, body.code, session)
        if opened.user is None:
            raise SessionEnded
    await services.profile_cache.put(opened.user)
    return token_response(services, opened.user, session.id, refresh)


@router.post("/recovery-codes", responses=with_body(401, 409))
async def recovery_codes(
    body: requests.PasswordOnly, claims: CurrentClaims, services: ServicesDep
) -> responses.RecoveryCodes:
    """Replace all recovery codes and return the new ones."""
    codes = new_recovery_codes()
    async with services.abuse_limits.password(claims.user_id):
        await services.second_factor.renew(claims, body.password, codes)
    return responses.RecoveryCodes(recovery_codes=codes)


@router.post("/off", status_code=204, responses=with_body(401, 409))
async def off(body: requests.PasswordOnly, claims: CurrentClaims, services: ServicesDep) -> None:
    """Switch the second factor off: signing in needs the password only."""
    async with services.abuse_limits.password(claims.user_id):
        await services.second_factor.remove(claims, body.password)


def _uri(secret: str, email: str, issuer: str) -> str:
    """Return the Key Uri Format, which authenticator apps read from a QR code."""
    label = quote(f"{issuer}:{email}", safe=":@")
    return f"otpauth://totp/{label}?{urlencode({'secret': secret, 'issuer': issuer})}"
