"""Runs in the Lambda runtime: one initialised memory, and two copies of it that are restored.

``fork`` copies a memory as a snapshot does. Prints one JSON line of the original, as it would be
in the snapshot, and one of each copy.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import sys

from snapshot_restore_py import get_after_restore


def _sockets() -> int:
    places = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]  # noqa: PTH208 - no more modules than the function's own
    links = [os.readlink(place) for place in places if os.path.lexists(place)]  # noqa: PTH115
    return sum(link.startswith("socket:") for link in links)


def _say(**what: object) -> None:
    os.write(1, f"{json.dumps(what)}\n".encode())  # at once: both copies write to one pipe


def main() -> None:
    """Import the handler, copy, restore."""
    module = importlib.import_module(sys.argv[1])
    threads = len(os.listdir("/proc/self/task"))  # noqa: PTH208
    _say(kind="snapshot", threads=threads, sockets=_sockets(), modules=sorted(sys.modules))
    copies = 0 if "--no-copies" in sys.argv else 2
    for _ in range(copies):
        if os.fork() == 0:
            for hook, positional, named in get_after_restore():
                hook(*positional, **named)
            drawn = random.random()
            _say(kind="copy", drawn=drawn, built=module.handler.handler is not None)
            os._exit(0)
    for _ in range(copies):
        os.wait()


if __name__ == "__main__":
    main()
