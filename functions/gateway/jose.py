"""PyJWT, imported without X.509 until somebody needs it.

It asks for ``cryptography.x509`` to read RSA certificates, which no key of ours is; that import
would take a twentieth of the gateway's cold start.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType

_LATER = "cryptography.x509"


@contextmanager
def _certificates_later() -> Iterator[None]:
    """Meanwhile, importing X.509 gives a module that loads the real one at its first use."""
    if _LATER in sys.modules:
        yield
        return
    stand_in = ModuleType(_LATER)
    vars(stand_in)["__getattr__"] = lambda name: getattr(import_module(_LATER), name)  # PEP 562
    sys.modules[_LATER] = stand_in
    try:
        yield
    finally:
        del sys.modules[_LATER]


with _certificates_later():
    import jwt

__all__ = ["jwt"]
