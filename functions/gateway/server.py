"""The gateway as a server: ``python -m gateway.server``, for a machine, a container, a cluster."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn

from gateway.app import create_app
from gateway.bootstrap import Gateway
from gateway.http.fastapi import FastAPI
from gateway.settings import Settings
from shared.bus.requester import BackgroundPolls
from shared.config.logs import configure
from shared.config.settings import command, load

# Longer than a reply is awaited.
SHUTDOWN_S = 15
# Longer than a proxy keeps an idle connection for its next request (Traefik 90 s, nginx and AWS's
# load balancers 60 s): if it ended here first, a request on its way would be lost. uvicorn: 5 s.
KEEP_ALIVE_S = 120


def create(settings: Settings) -> FastAPI:
    """Return the application; its gateway starts and closes with the server."""
    gateway = Gateway(settings, BackgroundPolls)
    app = create_app(gateway.services)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        gateway.start()
        yield
        await gateway.close()

    app.router.lifespan_context = lifespan
    return app


@command
def main() -> None:
    """Serve until SIGINT or SIGTERM, and then finish the requests in flight."""
    settings = load(Settings, os.environ)
    app = create(settings)
    configure("gateway", settings)
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,  # RequestContextMiddleware logs each request
        server_header=False,
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=SHUTDOWN_S,
        timeout_keep_alive=KEEP_ALIVE_S,
    )


if __name__ == "__main__":
    main()
