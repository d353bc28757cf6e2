"""``/api/v1/auth/totp``: the second factor, codes from an authenticator app (RFC 6238)."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from gateway.http import requests, responses
from gateway.http.openapi import API_PREFIX, api_router, with_body
from gateway.routes.dependencies import Provided, SignedInUser
from gateway.routes.token_response import new_session, signed_in
from gateway.security.one_time_tokens import OneTimeToken, new_recovery_codes, new_totp_secret
from shared.contract.errors import SessionEnded

router = api_router("second factor", f"{API_PREFIX}/auth/totp")


@router.post("/enrol", responses=with_body(401, 403, 409))
async def enrol(
    who: SignedInUser, services: Provided, body: requests.Reauthenticated | None = None
) -> responses.Enrolled:
    """Begin: the secret for the authenticator app. Nothing changes until a code is confirmed."""
    password = body.password if body else None
    if password is not None:
        await services.attempts.password(who.user_id)
    secret = new_totp_secret()
    user = await services.second_factor.enrol(who, secret, password)
    if password is not None:
        await services.attempts.password_was_right(who.user_id)
    return responses.Enrolled(secret=secret, uri=_uri(secret, user.email, services.tokens.issuer))


@router.post("/confirm", responses=with_body(401, 409))
async def confirm(
    body: requests.TotpCode, who: SignedInUser, services: Provided
) -> responses.RecoveryCodes:
    """The first code: from now on, signing in needs one. Keep the recovery codes."""
    await services.attempts.network("code")
    codes = new_recovery_codes()
    await services.second_factor.confirm(who, body.code, codes)
    await services.attempts.network_was_right("code")
    return responses.RecoveryCodes(recovery_codes=codes)


@router.post("/challenge", responses=with_body(400, 401))
async def answer(body: requests.Answer, services: Provided) -> responses.SignedIn:
    """The second step of a login: a code of the moment, or a recovery code."""
    await services.attempts.network("code")
    refresh = services.refresh_tokens.first()
    session = new_session(services, refresh)
    challenge = OneTimeToken.of(body.challenge_token)
    opened = await services.sessions.answer(challenge, body.code, session)
    if opened.user is None:
        raise SessionEnded
    await services.attempts.network_was_right("code")
    await services.cache.put(opened.user)
    return signed_in(services, opened.user, session.id, refresh)


@router.post("/recovery-codes", responses=with_body(401, 409))
async def recovery_codes(
    body: requests.PasswordOnly, who: SignedInUser, services: Provided
) -> responses.RecoveryCodes:
    """Other recovery codes; those there were are good no more."""
    await services.attempts.password(who.user_id)
    codes = new_recovery_codes()
    await services.second_factor.renew(who, body.password, codes)
    await services.attempts.password_was_right(who.user_id)
    return responses.RecoveryCodes(recovery_codes=codes)


@router.post("/off", status_code=204, responses=with_body(401, 409))
async def off(body: requests.PasswordOnly, who: SignedInUser, services: Provided) -> None:
    """From now on, signing in needs the password only."""
    await services.attempts.password(who.user_id)
    await services.second_factor.remove(who, body.password)
    await services.attempts.password_was_right(who.user_id)


def _uri(secret: str, email: str, issuer: str) -> str:
    """The Key Uri Format that authenticator apps read from a QR code."""
    label = quote(f"{issuer}:{email}", safe=":@")
    return f"otpauth://totp/{label}?{urlencode({'secret': secret, 'issuer': issuer})}"
