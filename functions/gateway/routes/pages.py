"""Pages for a browser: what the links in mails open, and the API's document in Swagger UI.

They are files that call the API as any client does. Another front end can take their place:
LINK_BASE_URL says where the links lead. They load nothing from another host.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Final

from starlette.responses import RedirectResponse
from starlette.routing import Route

from gateway.http.fastapi import Request, Response

_OWN: Final = Path(__file__).parents[1] / "pages"
_MEDIA: Final = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
}
_CLOSED: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_OPEN: Final = f"{_CLOSED}; script-src 'self'; connect-src 'self'; img-src data:; style-src 'self'"
# The address of a page has a token in it, so the page sends no referrer.
_PAGE: Final = {"content-security-policy": _OPEN, "referrer-policy": "no-referrer"}
# Swagger UI sets styles of elements.
_DESCRIPTION: Final = {"content-security-policy": f"{_OPEN} 'unsafe-inline'"}
_ASSET: Final = {"cache-control": "public, max-age=300"}


def routes() -> Iterator[Route]:
    """Yield a route for each file; none is in the API's document."""
    yield Route("/", _home)
    yield _file("/docs", _OWN / "docs.html", _DESCRIPTION)
    for name in ("verify-email", "reset-password"):
        yield _file(f"/{name}", _OWN / f"{name}.html", _PAGE)
    for name in ("page.css", "page.js", "docs.js"):
        yield _file(f"/pages/{name}", _OWN / name, _ASSET)
    for name in ("swagger-ui.css", "swagger-ui-bundle.js"):
        yield Route(f"/docs/{name}", _swagger_ui)


async def _home(_: Request) -> Response:
    return RedirectResponse("docs")


async def _swagger_ui(request: Request) -> Response:
    """Serve a file of the package that carries Swagger UI; its code is not imported."""
    name = request.url.path.rpartition("/")[2]
    file = distribution("fastapi-swagger").locate_file(f"fastapi_swagger/resources/{name}")
    return _response(Path(str(file)), _ASSET)


def _file(path: str, file: Path, headers: dict[str, str]) -> Route:
    async def serve(_: Request) -> Response:
        return _response(file, headers)

    return Route(path, serve)


def _response(file: Path, headers: dict[str, str]) -> Response:
    return Response(file.read_bytes(), media_type=_MEDIA[file.suffix], headers=headers)
