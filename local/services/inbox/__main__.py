"""``python -m local.services.inbox``: both servers in one event loop, until a signal ends them."""

from __future__ import annotations

import argparse
import asyncio
import signal
import socket
from pathlib import Path

import uvicorn

from local.services.inbox.smtp import protocol
from local.services.inbox.store import Store
from local.services.inbox.web import create_app

_HOST = "127.0.0.1"
_NAMES = [_HOST, "localhost"]


def main() -> None:
    """Run the inbox."""
    parser = argparse.ArgumentParser(prog="python -m local.services.inbox", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where mails are kept")
    parser.add_argument("--http-port", type=int, default=8025, help="0: any free one")
    parser.add_argument("--smtp-port", type=int, default=1025, help="0: any free one")
    given = parser.parse_args()
    # Uvicorn sends itself again the signal that ended it, when it is done.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    asyncio.run(_serve(given.folder, given.http_port, given.smtp_port))


async def _serve(folder: Path, http_port: int, smtp_port: int) -> None:
    store = Store(folder)
    smtp = await asyncio.get_running_loop().create_server(lambda: protocol(store), _HOST, smtp_port)
    web = socket.create_server((_HOST, http_port))
    url, mail_url = f"http://{_address(web)}", f"smtp://{_address(smtp.sockets[0])}"
    print(f"inbox: page {url}, mail to {mail_url}", flush=True)
    settings = uvicorn.Config(
        create_app(store, _NAMES),
        lifespan="off",
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
    async with smtp:
        await uvicorn.Server(settings).serve(sockets=[web])


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"{host}:{port}"


if __name__ == "__main__":
    main()
