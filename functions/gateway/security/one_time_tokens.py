"""Tokens and codes that the gateway makes; only their hashes are stored."""

from __future__ import annotations

import hashlib
import secrets
from base64 import b32encode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from hmac import digest

import msgspec

from shared.contract.messages import NewToken

VERIFY_S = 24 * 3600
RESET_S = 30 * 60
CHALLENGE_S = 300

_TOKEN_BYTES = 32
_RECOVERY_CODES = 10
_RECOVERY_BYTES = 15  # 120 bits: 24 characters of base32
_GROUP = 4
_TOTP_SECRET_BYTES = 20  # RFC 4226, section 4: 160 bits


class OneTimeToken(msgspec.Struct, frozen=True):
    """256 random bits.

    Attributes:
        value: the token itself, for the client or the mail.
        hash: SHA-256 in hexadecimal.
    """

    value: str
    hash: str

    @classmethod
    def new(cls) -> OneTimeToken:
        """Make a new token."""
        return cls.of(secrets.token_urlsafe(_TOKEN_BYTES))

    @classmethod
    def of(cls, value: str) -> OneTimeToken:
        """Return the token with this value, which has come back."""
        return cls(value, hash_of(value))

    def as_new_token(self, seconds: int) -> NewToken:
        """Return what the user function stores of it: the hash, and when it expires."""
        return NewToken(hash=self.hash, expires_at=datetime.now(UTC) + timedelta(seconds=seconds))


class RefreshTokens:
    """Refresh tokens: the first of a session is random, and each has one successor.

    The successor is derived from the token with a key that only gateways have. So requests that
    race with one token get the same successor, and so does a request that is sent again because its
    response was lost. Only hashes are stored; one request wins, and no client is locked out.
    Without the key, a token reveals nothing of the next one.

    Args:
        key: at least 256 bits.
    """

    def __init__(self, key: bytes) -> None:
        self._key = digest(key, b"user-services refresh tokens", "sha256")

    def first(self) -> OneTimeToken:
        """Return the first token of a new session."""
        return OneTimeToken.new()

    def after(self, spent: OneTimeToken) -> OneTimeToken:
        """Return the successor of a token."""
        raw = digest(self._key, spent.value.encode(), "sha256")
        return OneTimeToken.of(urlsafe_b64encode(raw).rstrip(b"=").decode())


def hash_of(value: str) -> str:
    """Return the SHA-256 in hexadecimal."""
    return hashlib.sha256(value.encode()).hexdigest()


def new_recovery_codes() -> list[str]:
    """Return ten codes for a lost device, in groups that can be typed."""
    return [_grouped(_base32(_RECOVERY_BYTES)) for _ in range(_RECOVERY_CODES)]


def recovery_hash(code: str) -> str:
    """Return the hash that is stored of a recovery code; hyphens and case do not count."""
    return hash_of(code.replace("-", "").upper())


def new_totp_secret() -> str:
    """Return a secret for RFC 6238, in base32 as authenticator apps read it."""
    return _base32(_TOTP_SECRET_BYTES)


def _base32(size: int) -> str:
    return b32encode(secrets.token_bytes(size)).rstrip(b"=").decode()


def _grouped(text: str) -> str:
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))
