"""``/api/v1/auth``: register, login, refresh, logout."""

from __future__ import annotations

from gateway.http import requests, responses
from gateway.http.fastapi import Response
from gateway.http.openapi import API_PREFIX, also, api_router, leads_to, with_body
from gateway.routes.dependencies import CurrentClaims, Services, ServicesDep
from gateway.routes.token_response import new_session, token_response
from gateway.security.one_time_tokens import CHALLENGE_S, OneTimeToken
from shared.contract.errors import Refusal, SecondFactorNeeded, SessionEnded
from shared.security.password_rules import refuse_weak

router = api_router("auth", f"{API_PREFIX}/auth")

_SIGNED_IN = {
    "Refresh": ("refresh", {"refreshToken": "refreshToken"}),
    "Logout": ("logout", {"refreshToken": "refreshToken"}),
}


@router.post(
    "/register",
    status_code=201,
    response_model=responses.SignedIn,
    responses={**with_body(409), **also(202, responses.Accepted), **leads_to(201, **_SIGNED_IN)},
)
async def register(body: requests.Register, services: ServicesDep) -> responses.SignedIn | Response:
    """Make an account, sign it in, and send a welcome mail."""
    await services.abuse_limits.count_request("register")
    refuse_weak(body.password, body.email, body.name)
    if services.sign_up == "private":
        if await services.abuse_limits.may_mail("register", body.email):
            await services.accounts.register_quietly(body.email, body.password, body.profile())
        return _accepted()
    return await _register(body, services)


@router.post(
    "/login",
    response_model=responses.SignedIn | responses.Challenge,
    responses={
        **with_body(401, 403),
        **leads_to(
            200,
            **_SIGNED_IN,
            Answer=("answer", {"challengeToken": "challengeToken"}),
        ),
    },
)
async def login(
    body: requests.Login, services: ServicesDep
) -> responses.SignedIn | responses.Challenge:
    """Sign in with e-mail and password; where a second factor is on, return a challenge."""
    refresh, challenge = services.refresh_tokens.first(), OneTimeToken.new()
    session = new_session(services, refresh)
    async with services.abuse_limits.password(body.email):
        try:
            user = await services.accounts.validate(body.email, body.password, session, challenge)
        except Refusal as refusal:
            if refusal.code != SecondFactorNeeded.code:
                raise
            return responses.Challenge(challenge_token=challenge.value, expires_in=CHALLENGE_S)
    await services.profile_cache.put(user)
    return token_response(services, user, session.id, refresh)


@router.post("/refresh", responses={**with_body(401), **leads_to(200, **_SIGNED_IN)})
async def refresh(body: requests.Refresh, services: ServicesDep) -> responses.SignedIn:
    """Spend the refresh token for new tokens; spending it twice ends the session."""
    spent = OneTimeToken.of(body.refresh_token)
    successor = services.refresh_tokens.after(spent)
    opened = await services.sessions.refresh(spent, new_session(services, successor))
    if opened.user is None or opened.session is None:
        await services.revoked_sessions.add(*opened.ended)
        raise SessionEnded
    return token_response(services, opened.user, opened.session, successor)


@router.post("/logout", status_code=204, responses=with_body(401))
async def logout(
    claims: CurrentClaims, services: ServicesDep, body: requests.Logout | None = None
) -> None:
    """Sign out of this session, or of all; its access tokens stop working at once."""
    given = body or requests.Logout()
    token = OneTimeToken.of(given.refresh_token) if given.refresh_token else None
    ended = await services.sessions.end(claims, None if given.all else claims.session_id, token)
    await services.revoked_sessions.add(*ended.ended)


async def _register(body: requests.Register, services: Services) -> responses.SignedIn | Response:
    refresh, verification = services.refresh_tokens.first(), OneTimeToken.new()
    session = new_session(services, refresh) if services.sign_up == "open" else None
    user = await services.accounts.register(
        body.email, body.password, body.profile(), session, verification
    )
    await services.notification_service.send_welcome(user, verification)
    if session is None:
        return _accepted()
    await services.abuse_limits.trust_network(body.email)
    return token_response(services, user, session.id, refresh)


def _accepted() -> Response:
    return Response(responses.Accepted().model_dump_json(), 202, media_type="application/json")
