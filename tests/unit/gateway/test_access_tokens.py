"""Access tokens: only ours, only now, only for us, only with the key they name (RFC 8725)."""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64encode
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.errors import NotAuthenticated
from gateway.security.access_tokens import AccessTokens, Claims
from shared.config.settings import SettingsError


def jwk(kid: str, key: Ed25519PrivateKey) -> dict[str, Any]:
    return {**json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(key)), "kid": kid, "alg": "EdDSA"}


KEY = Ed25519PrivateKey.generate()
OTHER = Ed25519PrivateKey.generate()
KEYS = json.dumps({"keys": [jwk("k1", KEY)]})


def tokens(keys: str = KEYS, audience: str = "us") -> AccessTokens:
    return AccessTokens(keys, issuer="issuer", audience=audience, seconds=900)


def forged(
    key: Any = KEY,
    algorithm: str = "EdDSA",
    headers: dict[str, str] | None = None,
    **changes: Any,
) -> str:
    now = int(time.time())
    claims = {
        "iss": "issuer",
        "aud": "us",
        "sub": "u1",
        "sid": "s1",
        "jti": "j1",
        "iat": now,
        "exp": now + 900,
        **changes,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    named = {"kid": "k1"} if headers is None else headers
    return jwt.encode(claims, key, algorithm, headers={"typ": "at+jwt", **named})


def test_what_is_issued_is_accepted() -> None:
    token = tokens().issue("u1", "s1")

    assert tokens().verify(token) == Claims("u1", "s1")
    assert jwt.get_unverified_header(token) == {"alg": "EdDSA", "kid": "k1", "typ": "at+jwt"}
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 900
    assert set(claims) == {"iss", "aud", "sub", "sid", "iat", "exp", "jti"}


def test_a_token_that_was_accepted_before_still_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = tokens()
    token = ours.issue("u1", "s1")
    assert ours.verify(token) == ours.verify(token) == Claims("u1", "s1")

    later = time.time() + 900 + 60
    monkeypatch.setattr("time.time", lambda: later)

    with pytest.raises(NotAuthenticated, match="expired"):
        ours.verify(token)


def test_two_tokens_differ() -> None:
    assert tokens().issue("u1", "s1") != tokens().issue("u1", "s1")


def test_the_forger_of_these_tests_can_make_a_good_token() -> None:
    assert tokens().verify(forged()) == Claims("u1", "s1")


PUBLIC = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
NONE = ".".join(
    urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
    for part in (
        {"alg": "none", "kid": "k1", "typ": "at+jwt"},
        jwt.decode(forged(), options={"verify_signature": False}),
    )
)


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("", id="empty"),
        pytest.param("a.b.c", id="no token"),
        pytest.param(f"{NONE}.", id="alg none"),
        pytest.param(forged(PUBLIC + bytes(32), "HS256"), id="public key as a shared secret"),
        pytest.param(forged(generate_private_key(SECP256R1()), "ES256"), id="another algorithm"),
        pytest.param(forged(OTHER), id="another key under our name"),
        pytest.param(forged(headers={"kid": "k2"}), id="unknown key"),
        pytest.param(forged(headers={}), id="no key named"),
        pytest.param(forged(headers={"kid": "k1", "typ": "JWT"}), id="another kind of token"),
        pytest.param(forged(nbf=int(time.time()) + 86_400), id="not yet"),
        pytest.param(forged(iss="somebody"), id="wrong issuer"),
        pytest.param(forged(aud="somebody"), id="wrong audience"),
        pytest.param(forged(aud=None), id="no audience"),
        pytest.param(forged(exp=int(time.time()) - 60), id="expired"),
        pytest.param(forged(exp=None), id="never expires"),
        pytest.param(forged(iat=int(time.time()) + 86_400), id="from the future"),
        pytest.param(forged(sid=None), id="no session"),
        pytest.param(forged(sub=None), id="nobody"),
        pytest.param(forged(sub=7), id="no text for a name"),
        pytest.param(forged()[:-4] + "AAAA", id="broken signature"),
    ],
)
def test_what_is_not_ours_is_refused(token: str) -> None:
    with pytest.raises(NotAuthenticated):
        tokens().verify(token)


def test_two_keys_live_during_a_rotation() -> None:
    before = tokens().issue("u1", "s1")
    rotated = tokens(json.dumps({"keys": [jwk("k2", OTHER), jwk("k1", KEY)]}))

    assert jwt.get_unverified_header(rotated.issue("u1", "s1"))["kid"] == "k2"
    assert rotated.verify(before) == Claims("u1", "s1")
    with pytest.raises(NotAuthenticated):
        tokens(json.dumps({"keys": [jwk("k2", OTHER)]})).verify(before)


@pytest.mark.parametrize("keys", ["", "{}", '{"keys":[]}', '{"keys":[{"kty":"oct","k":"AAAA"}]}'])
def test_keys_that_cannot_be_used_stop_the_start(keys: str) -> None:
    with pytest.raises(SettingsError, match="JWT_SIGNING_KEYS"):
        tokens(keys)
