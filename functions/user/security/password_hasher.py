"""Password hashes: bcrypt over HMAC-SHA-256, so that each character of a long password counts.

bcrypt reads 72 bytes. The password is first hashed with HMAC-SHA-256 keyed by the salt, and the
result goes to bcrypt as base64, in the documented format
``$bcrypt-sha256$v=2,t=2b,r=<cost>$<salt>$<digest>`` (passlib's bcrypt_sha256, version 2). Plain
``$2a$``, ``$2b$`` and ``$2y$`` hashes, as a NestJS table has them, are verified too.
"""

from __future__ import annotations

import re
import secrets
from base64 import b64encode
from hashlib import sha256
from hmac import digest

import bcrypt

_FORMAT = re.compile(
    r"\$bcrypt-sha256\$v=2,t=2b,r=(?P<cost>\d{1,2})\$(?P<salt>[./A-Za-z0-9]{22})\$(?P<digest>[./A-Za-z0-9]{31})"
)
_PLAIN = re.compile(r"\$2[aby]\$(?P<cost>\d\d)\$[./A-Za-z0-9]{53}")
_BCRYPT_BYTES = 72
_BCRYPT_ALPHABET = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


class PasswordHasher:
    """Hashes and verifies passwords.

    Args:
        cost: log2 of bcrypt's rounds, 4 to 31.
    """

    def __init__(self, cost: int) -> None:
        self._cost = cost
        self._absent = self._unknowable()

    def hash(self, password: str) -> str:
        """Return a hash with a new salt."""
        return _hash(password, bcrypt.gensalt(self._cost))

    def verify(self, password: str, stored: str | None) -> bool:
        """Return whether this is the password; without a stored hash, as slowly as with one."""
        known = stored or self._absent
        if _PLAIN.fullmatch(known):
            # What bcrypt itself did when the hash was made: later versions raise instead.
            return bcrypt.checkpw(password.encode()[:_BCRYPT_BYTES], known.encode())
        parts = _FORMAT.fullmatch(known)
        if parts is None:
            return False
        salt = f"$2b${int(parts['cost']):02d}${parts['salt']}".encode()
        return secrets.compare_digest(_hash(password, salt), known)

    def outdated(self, stored: str) -> bool:
        """Return whether the hash has another format or cost than new ones."""
        parts = _FORMAT.fullmatch(stored)
        return parts is None or int(parts["cost"]) != self._cost

    def _unknowable(self) -> str:
        """Return a hash of no known password: as slow to verify as any, and made at no cost."""
        salt = bcrypt.gensalt(self._cost)[-22:].decode()
        digest_ = "".join(secrets.choice(_BCRYPT_ALPHABET) for _ in range(31))
        return f"$bcrypt-sha256$v=2,t=2b,r={self._cost}${salt}${digest_}"


def _hash(password: str, bcrypt_salt: bytes) -> str:
    salt = bcrypt_salt[-22:]
    hashed = bcrypt.hashpw(b64encode(digest(salt, password.encode(), sha256)), bcrypt_salt)
    cost = int(bcrypt_salt[4:6])
    return f"$bcrypt-sha256$v=2,t=2b,r={cost}${salt.decode()}${hashed[-31:].decode()}"
