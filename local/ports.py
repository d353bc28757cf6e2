"""TCP ports of 127.0.0.1."""

from __future__ import annotations

import socket

HOST = "127.0.0.1"


def is_free(port: int) -> bool:
    """Return whether a server could listen on the port now."""
    try:
        with socket.create_server((HOST, port)):
            return True
    except OSError:
        return False


def any_free() -> int:
    """Return a free port; the kernel gives the next caller another one."""
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
