"""Access tokens: JWT (RFC 7519) with RFC 9068's claims.

Only the algorithm of the named key is accepted (RFC 8725, section 3.1), and a token that names no
key is refused.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.errors import NotAuthenticated
from shared.config.lazy_imports import deferred
from shared.config.settings import SettingsError

# PyJWT asks for X.509 to read RSA certificates, which no key of ours is; that import would take a
# twentieth of the gateway's cold start.
with deferred("cryptography.x509"):
    import jwt

_ALGORITHMS = frozenset({"EdDSA", "ES256"})
_CLAIMS = ["iss", "aud", "sub", "iat", "exp", "jti", "sid"]
_TYPE = "at+jwt"  # RFC 9068, section 2.1: other JWTs that the same keys sign are refused
_CLOCK_SKEW_S = 5
_REMEMBERED = 10_000


class Claims(msgspec.Struct, frozen=True):
    """The user and the session of an access token.

    Attributes:
        user_id: ``sub``.
        session_id: ``sid``.
    """

    user_id: str
    session_id: str


class AccessTokens:
    """Issues and verifies access tokens.

    Args:
        keys: the text of a JWK Set with private keys; the first signs.
        seconds: a token's lifetime.

    Raises:
        SettingsError: a key cannot be used.
    """

    def __init__(self, keys: str, *, issuer: str, audience: str, seconds: int) -> None:
        self._keys = _read(keys)
        self._signer = next(iter(self._keys.values()))
        self.issuer = issuer
        self._audience = audience
        self._verified: dict[str, tuple[Claims, float]] = {}
        self.seconds = seconds

    @property
    def longest_s(self) -> int:
        """Seconds after which every token that was issued until now is refused."""
        return self.seconds + _CLOCK_SKEW_S

    def secret(self) -> bytes:
        """Return a secret that is the same in all gateways that sign with the same key."""
        private: PrivateKeyTypes = self._signer.key
        raw = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return hashlib.sha256(raw).digest()

    def public_keys(self) -> dict[str, Any]:
        """Return the JWK Set (RFC 7517) that verifies access tokens."""
        return {"keys": [_public(key) for key in self._keys.values()]}

    def issue(self, user_id: str, session_id: str) -> str:
        """Return a new access token."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": self._audience,
            "sub": user_id,
            "sid": session_id,
            "iat": now,
            "exp": now + self.seconds,
            "jti": secrets.token_hex(16),
        }
        signer = self._signer
        headers = {"kid": signer.key_id, "typ": _TYPE}
        return jwt.encode(claims, signer.key, signer.algorithm_name, headers=headers)

    def verify(self, token: str) -> Claims:
        """Return the claims of a token.

        A signature is checked once. A client sends the same token many times, and the check costs
        more than all else that a cached profile needs.

        Raises:
            NotAuthenticated: the token is not ours, or has expired.
        """
        claims, good_until = self._verified.get(token) or self._check(token)
        if good_until <= time.time():
            self._verified.pop(token, None)
            raise NotAuthenticated("The access token has expired.")
        return claims

    def _check(self, token: str) -> tuple[Claims, float]:
        try:
            found = self._decode(token)
        except jwt.ExpiredSignatureError:
            raise NotAuthenticated("The access token has expired.") from None
        except (jwt.InvalidTokenError, KeyError, TypeError):
            raise NotAuthenticated("The access token is not valid.") from None
        if len(self._verified) >= _REMEMBERED:
            self._verified.clear()
        checked = Claims(found["sub"], found["sid"]), found["exp"] + _CLOCK_SKEW_S
        self._verified[token] = checked
        return checked

    def _decode(self, token: str) -> dict[str, Any]:
        header = jwt.get_unverified_header(token)
        if header.get("typ") != _TYPE:
            raise jwt.InvalidTokenError("another kind of token")
        key = self._keys[header["kid"]]
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],
            issuer=self.issuer,
            audience=self._audience,
            leeway=_CLOCK_SKEW_S,
            options={"require": _CLAIMS},
        )
        return claims


def _public(key: jwt.PyJWK) -> dict[str, Any]:
    algorithm = key.Algorithm
    members: dict[str, Any] = algorithm.to_jwk(key.key.public_key(), as_dict=True)
    return {**members, "kid": key.key_id, "alg": key.algorithm_name, "use": "sig"}


def _read(text: str) -> dict[str, jwt.PyJWK]:
    try:
        keys = jwt.PyJWKSet.from_json(text).keys
    except (jwt.PyJWTError, ValueError, AttributeError) as error:
        raise SettingsError(f"JWT_SIGNING_KEYS cannot be read: {type(error).__name__}") from None
    for key in keys:
        if not key.key_id or key.algorithm_name not in _ALGORITHMS:
            raise SettingsError("Each of JWT_SIGNING_KEYS needs a kid, and EdDSA or ES256.")
    return {str(key.key_id): key for key in keys}
