"""PyJWT, imported without X.509 until somebody needs it.

It asks for ``cryptography.x509`` to read RSA certificates, which no key of ours is; that import
would take a twentieth of the gateway's cold start.
"""

from __future__ import annotations

from shared.config.lazy_imports import deferred

with deferred("cryptography.x509"):
    import jwt

__all__ = ["jwt"]
