"""Codes of the second factor: RFC 6238 with six digits, 30 seconds and SHA-1.

Those are the only parameters that every authenticator app knows; SHA-1's weaknesses do not touch
HMAC (RFC 6238, section 1.2; RFC 6194).
"""

from __future__ import annotations

import re
from base64 import b32decode
from hashlib import sha256
from hmac import compare_digest

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP

STEP_S = 30
_DIGITS = 6
# RFC 6238, section 5.2: one step for the time a person takes and for clocks that differ.
_DRIFT = 1
_CODE = re.compile(r"\d{6}", re.ASCII)
_NOT_IN_CODE = re.compile(r"[\s-]")


def step_of(secret: str, code: str, now: float) -> int | None:
    """Return the time step whose code this is, or None if it is of no step near ``now``.

    Args:
        secret: base32 (RFC 4648) without padding.
        code: as the user typed it.
        now: Unix time in seconds.
    """
    typed = _NOT_IN_CODE.sub("", code).encode()
    key = b32decode(secret + "=" * (-len(secret) % 8))
    # The apps' secrets of 80 bits are shorter than RFC 4226 asks for; ours have 160.
    generator = HOTP(key, _DIGITS, SHA1(), enforce_key_length=False)  # noqa: S303 - see above
    present = int(now) // STEP_S
    steps = range(max(0, present - _DRIFT), present + _DRIFT + 1)
    matching = [step for step in steps if compare_digest(generator.generate(step), typed)]
    return max(matching, default=None)


def is_totp(code: str) -> bool:
    """Return whether a code has the form of TOTP; a recovery code has another."""
    return _CODE.fullmatch(_NOT_IN_CODE.sub("", code)) is not None


def recovery_hash(code: str) -> str:
    """Return the stored form of a recovery code: it has 120 random bits, so plain SHA-256 does."""
    return sha256(_NOT_IN_CODE.sub("", code).upper().encode()).hexdigest()
