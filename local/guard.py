"""The guard: leads a process group, and ends the group when its parent is gone.

It knows by its standard input: the other end is held by the parent alone, so it closes when the
parent ends, even by ``kill -9``. It asks first (``SIGTERM``), then asks PostgreSQL not to wait
for its clients (``SIGINT``, "fast shutdown"), then kills.
"""

from __future__ import annotations

import os
import signal
import sys
import time

_ROUNDS = ((signal.SIGTERM, 2.0), (signal.SIGINT, 1.0))  # signal, seconds until the next
_LOOK_EVERY = 0.05  # seconds


def main() -> None:
    """Wait for the parent's end, then end the group."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    for number, seconds in _ROUNDS:
        if not _others():
            return
        os.killpg(0, number)
        _wait(seconds)
    if _others():
        os.killpg(0, signal.SIGKILL)


def _wait(seconds: float) -> None:
    until = time.monotonic() + seconds
    while _others() and time.monotonic() < until:
        time.sleep(_LOOK_EVERY)


def _others() -> bool:
    """Return whether another process of the group runs; zombies do not count."""
    import psutil  # only now: most guards end without having to look, and start must be quick

    for process in psutil.process_iter():
        try:
            ours = process.pid != os.getpid() and os.getpgid(process.pid) == os.getpgrp()
            if ours and process.status() != psutil.STATUS_ZOMBIE:
                return True
        except (ProcessLookupError, PermissionError, psutil.Error):
            continue
    return False


if __name__ == "__main__":
    main()
