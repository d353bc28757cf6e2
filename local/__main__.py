"""``python -m local`` is ``make dev``."""

from __future__ import annotations

import signal
import sys


def main() -> int:
    """Run the command; until it can handle Ctrl-C, that just ends it, without a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from local.dev import command

    return command.main()


if __name__ == "__main__":
    sys.exit(main())
