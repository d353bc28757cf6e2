"""CloudFront before the API: only what came through it is served, and it says who the client is.

CloudFront adds a secret to each request that it sends here. Without it, whoever finds the name that
AWS gave the API would pass by the firewall, and could call themselves any address that they like.
With it, the address that CloudFront saw is the client's: limits and the audit trail count by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hmac import compare_digest

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.http.problems import problem
from gateway.settings import Settings
from shared.config.settings import SettingsError

_SECRET = b"x-origin-secret"
_ADDRESS = b"x-viewer-address"


def behind(app: ASGIApp, settings: Settings) -> ASGIApp:
    """The app as it is reached: through CloudFront only, where the settings say so.

    Raises:
        SettingsError: no secret is known by which to tell.
    """
    if settings.front == "none":
        return app
    secrets = [each.encode() for each in settings.origin_secrets.split(",") if each]
    if not secrets:
        raise SettingsError("FRONT is cloudfront, and ORIGIN_SECRETS is not set.")
    return _Behind(app, secrets)


class _Behind:
    """ASGI middleware around the whole app.

    Args:
        secrets: any of them will do; more than one lives while they are exchanged.
    """

    def __init__(self, app: ASGIApp, secrets: Sequence[bytes]) -> None:
        self._app = app
        self._secrets = secrets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif self._is_known(_values(scope, _SECRET)):
            await self._app(_told_by_client(scope), receive, send)
        else:
            refusal = problem(403, "forbidden", "This is served through CloudFront only.")
            await refusal(scope, receive, send)

    def _is_known(self, given: Iterable[bytes]) -> bool:
        return any(compare_digest(one, secret) for one in given for secret in self._secrets)


def _told_by_client(scope: Scope) -> Scope:
    """The request as its client sent it, from where CloudFront saw that."""
    addresses = _values(scope, _ADDRESS)
    rest = [(name, value) for name, value in scope["headers"] if name not in (_SECRET, _ADDRESS)]
    client = (addresses[0].decode("latin-1"), 0) if len(addresses) == 1 else None
    return {**scope, "headers": rest, "client": client}


def _values(scope: Scope, header: bytes) -> list[bytes]:
    return [value for name, value in scope["headers"] if name == header]
