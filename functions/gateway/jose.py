"""PyJWT, imported without X.509.

It asks for ``cryptography.x509`` to read RSA certificates, which no key of ours is; that import
would take a twentieth of the gateway's cold start.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

_UNUSED = "cryptography.x509"


@contextmanager
def _without_certificates() -> Iterator[None]:
    if _UNUSED in sys.modules:
        yield
        return
    sys.modules[_UNUSED] = ModuleType(_UNUSED)
    try:
        yield
    finally:
        del sys.modules[_UNUSED]


with _without_certificates():
    import jwt

__all__ = ["jwt"]
