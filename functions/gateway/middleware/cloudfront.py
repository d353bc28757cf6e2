"""CloudFront before the API: only what came through it is served, and it says who the client is.

CloudFront adds a secret to each request that it sends here. Without the secret, a client that finds
the name that AWS gave the API would pass by the firewall and could claim any address. With it, the
address that CloudFront saw is the client's: limits and the audit trail count by it.
"""

from __future__ import annotations

from collections.abc import Iterable
from hmac import compare_digest

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.http.problems import problem
from gateway.settings import Settings
from shared.config.settings import SettingsError

_SECRET = b"x-origin-secret"
_ADDRESS = b"x-viewer-address"


def with_front(app: ASGIApp, settings: Settings) -> ASGIApp:
    """Return the app as it is reached: through CloudFront only, where the settings say so.

    Raises:
        SettingsError: CloudFront's secret is not set.
    """
    if settings.front == "none":
        return app
    return CloudFrontOnlyMiddleware(app, settings.origin_secrets)


class CloudFrontOnlyMiddleware:
    """ASGI middleware that refuses what did not come through CloudFront.

    Args:
        secrets: comma-separated; any of them will do, because several live during an exchange.

    Raises:
        SettingsError: there is none.
    """

    def __init__(self, app: ASGIApp, secrets: str) -> None:
        self._app = app
        self._secrets = [each.encode() for each in secrets.split(",") if each]
        if not self._secrets:
            raise SettingsError("FRONT is cloudfront, and ORIGIN_SECRETS is not set.")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif self._has_secret(_values(scope, _SECRET)):
            await self._app(_as_client_sent(scope), receive, send)
        else:
            refusal = problem(403, "forbidden", "This is served through CloudFront only.")
            await refusal(scope, receive, send)

    def _has_secret(self, given: Iterable[bytes]) -> bool:
        return any(compare_digest(one, secret) for one in given for secret in self._secrets)


def _as_client_sent(scope: Scope) -> Scope:
    """Return the request without CloudFront's headers, from the address that CloudFront saw."""
    addresses = _values(scope, _ADDRESS)
    rest = [(name, value) for name, value in scope["headers"] if name not in (_SECRET, _ADDRESS)]
    client = (addresses[0].decode("latin-1"), 0) if len(addresses) == 1 else None
    return {**scope, "headers": rest, "client": client}


def _values(scope: Scope, header: bytes) -> list[bytes]:
    return [value for name, value in scope["headers"] if name == header]
