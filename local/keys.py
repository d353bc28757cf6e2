"""The keys of a system on one machine: made once, kept in one file, handed out by need."""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.security.sealing import Jwk, JwkSet, new_key


class Keys(msgspec.Struct, frozen=True):
    """The private keys of the system.

    Attributes:
        jwt: signs access tokens (Ed25519, RFC 8037); the gateway's.
        user: opens what is sealed to the user function.
        notification: opens what is sealed to the notification function.
    """

    jwt: JwkSet
    user: JwkSet
    notification: JwkSet


def make() -> Keys:
    """Make new keys."""
    return Keys(
        jwt=JwkSet((_signing_key(_kid("jwt")),)),
        user=JwkSet((new_key(_kid("user")),)),
        notification=JwkSet((new_key(_kid("notification")),)),
    )


def load_or_make(path: Path) -> Keys:
    """Read the keys from a file that only its owner may read; make it when there is none.

    Raises:
        ValueError: the file is not what this function writes.
    """
    if not path.exists():
        unfinished = path.with_suffix(".unfinished")
        unfinished.touch(mode=0o600)
        unfinished.write_bytes(msgspec.json.encode(make()))
        unfinished.rename(path)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Keys)
    except msgspec.DecodeError as error:
        raise ValueError(f"{path} does not hold the keys: {error}") from None


def _signing_key(kid: str) -> Jwk:
    private = Ed25519PrivateKey.generate()
    public_raw, private_raw = private.public_key().public_bytes_raw(), private.private_bytes_raw()
    return Jwk(
        kty="OKP", crv="Ed25519", alg="EdDSA", kid=kid, x=_b64(public_raw), d=_b64(private_raw)
    )


def _kid(use: str) -> str:
    return f"{use}-{secrets.token_hex(4)}"


def _b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
