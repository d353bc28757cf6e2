"""Sealed fields: secrets travel encrypted to the one function that must read them.

HPKE in base mode (RFC 9180), with X25519 or the hybrid of ML-KEM-768 and X25519 that also resists
a quantum computer; HKDF-SHA256 and AES-128-GCM (AES-256-GCM with the hybrid). The ``info`` string
binds topic, field and correlation id, so that a sealed value opens only in its own message.

Keys are JSON Web Keys in a JWK Set: ``OKP`` with ``crv`` X25519 (RFC 8037), or ``AKP`` with
``alg`` ``MLKEM768-X25519``, whose ``pub`` and ``priv`` are the ML-KEM part followed by the X25519
part. The first key of a set seals; every key of a set opens, so two live during a rotation.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Any, Final, Literal

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from shared.config.settings import SettingsError
from shared.contract.errors import BadMessage
from shared.contract.json import decode_json
from shared.contract.messages import Sealed, Secret

Kem = Literal["X25519", "MLKEM768-X25519"]

_CLASSIC: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM)
_HYBRID: Final = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_X25519_BYTES: Final = 32


class Jwk(msgspec.Struct, frozen=True, omit_defaults=True):
    """One key: RFC 7517 with the members of ``OKP`` or ``AKP``."""

    kty: Literal["OKP", "AKP"]
    kid: str
    crv: str = ""
    alg: str = ""
    x: str = ""
    d: str = ""
    pub: str = ""
    priv: str = ""

    def public(self) -> Jwk:
        """Return the key without its private part."""
        return msgspec.structs.replace(self, d="", priv="")


class JwkSet(msgspec.Struct, frozen=True):
    """A set of keys: RFC 7517, section 5."""

    keys: tuple[Jwk, ...]

    @classmethod
    def from_json(cls, text: str, variable: str) -> JwkSet:
        """Read a set from the value of a variable.

        Raises:
            SettingsError: the text is not a JWK Set, or an empty one. It is not shown.
        """
        try:
            keys = decode_json(text, cls)
        except msgspec.DecodeError as error:
            raise SettingsError(f"{variable} is not a JSON Web Key Set: {error}") from None
        if not keys.keys:
            raise SettingsError(f"{variable} has no key.")
        return keys

    def public(self) -> JwkSet:
        """Return the set without private parts, for the side that seals."""
        return JwkSet(tuple(key.public() for key in self.keys))

    def to_json(self) -> str:
        """Return the set as JSON text."""
        return msgspec.json.encode(self).decode()


class Sealer:
    """Seals with the first key of a set of public keys.

    Raises:
        SettingsError: the key is of an unknown kind.
    """

    def __init__(self, keys: JwkSet) -> None:
        self._kid = keys.keys[0].kid
        self._encrypt = _encryptor(keys.keys[0])

    def seal(self, secret: str, *, topic: str, field: str, correlation_id: str) -> Sealed:
        """Seal one field of one message."""
        sealed = self._encrypt(secret.encode(), _info(topic, field, correlation_id))
        return Sealed(kid=self._kid, sealed=_b64(sealed))


class Opener:
    """Opens values that are sealed to any key of a set of private keys.

    Args:
        keys: with private parts.
        accept_plain: whether a plain string is taken as it is, for peers that cannot seal.

    Raises:
        SettingsError: a key is of an unknown kind.
    """

    def __init__(self, keys: JwkSet, *, accept_plain: bool = False) -> None:
        self._decrypt = {key.kid: _decryptor(key) for key in keys.keys}
        self._accept_plain = accept_plain

    def open(self, secret: Secret, *, topic: str, field: str, correlation_id: str | None) -> str:
        """Open one field of one message.

        Raises:
            BadMessage: the key is unknown, the value was moved or damaged, or it is plain where
                it must be sealed.
        """
        if isinstance(secret, str):
            if not self._accept_plain:
                raise BadMessage(f"The member {field} must be sealed.")
            return secret
        decrypt = self._decrypt.get(secret.kid)
        if decrypt is None:
            raise BadMessage(f"The member {field} is sealed to a key that is not known here.")
        try:
            opened = decrypt(_unb64(secret.sealed), _info(topic, field, correlation_id or ""))
            return opened.decode()
        except (InvalidTag, ValueError):
            raise BadMessage(f"The member {field} cannot be opened.") from None


def new_key(kid: str, kem: Kem = "X25519") -> Jwk:
    """Make a key pair."""
    x25519 = X25519PrivateKey.generate()
    x_public, x_private = x25519.public_key().public_bytes_raw(), x25519.private_bytes_raw()
    if kem == "X25519":
        return Jwk(kty="OKP", kid=kid, crv="X25519", x=_b64(x_public), d=_b64(x_private))
    mlkem = MLKEM768PrivateKey.generate()
    return Jwk(
        kty="AKP",
        kid=kid,
        alg="MLKEM768-X25519",
        pub=_b64(mlkem.public_key().public_bytes_raw() + x_public),
        priv=_b64(mlkem.private_bytes_raw() + x_private),
    )


def _encryptor(key: Jwk) -> Callable[[bytes, bytes], bytes]:
    suite, public, _ = _material(key)
    return lambda plain, info: suite.encrypt(plain, public, info)


def _decryptor(key: Jwk) -> Callable[[bytes, bytes], bytes]:
    suite, _, private = _material(key)
    if private is None:
        raise SettingsError(f"The key {key.kid} has no private part.")
    return lambda sealed, info: suite.decrypt(sealed, private, info)


def _material(key: Jwk) -> tuple[Suite, Any, Any]:
    """Return the suite and the two halves of a key; the private half may be None."""
    try:
        if (key.kty, key.crv) == ("OKP", "X25519"):
            private = X25519PrivateKey.from_private_bytes(_unb64(key.d)) if key.d else None
            return _CLASSIC, X25519PublicKey.from_public_bytes(_unb64(key.x)), private
        if (key.kty, key.alg) == ("AKP", "MLKEM768-X25519"):
            return _HYBRID, _hybrid_public(_unb64(key.pub)), _hybrid_private(_unb64(key.priv))
    except ValueError as error:
        raise SettingsError(f"The key {key.kid} cannot be read: {error}") from None
    raise SettingsError(f"The key {key.kid} is neither X25519 nor MLKEM768-X25519.")


def _hybrid_public(raw: bytes) -> MLKEM768X25519PublicKey:
    mlkem, x25519 = raw[:-_X25519_BYTES], raw[-_X25519_BYTES:]
    return MLKEM768X25519PublicKey(
        MLKEM768PublicKey.from_public_bytes(mlkem), X25519PublicKey.from_public_bytes(x25519)
    )


def _hybrid_private(raw: bytes) -> MLKEM768X25519PrivateKey | None:
    if not raw:
        return None
    mlkem, x25519 = raw[:-_X25519_BYTES], raw[-_X25519_BYTES:]
    return MLKEM768X25519PrivateKey(
        MLKEM768PrivateKey.from_seed_bytes(mlkem), X25519PrivateKey.from_private_bytes(x25519)
    )


def _info(topic: str, field: str, correlation_id: str) -> bytes:
    # JSON keeps the three apart, whatever characters they hold.
    return msgspec.json.encode(["user-services/1", topic, field, correlation_id])


def _b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
