"""``make dev-reset``: forget all that ``make dev`` has kept."""

from __future__ import annotations

import sys
from pathlib import Path

from local.dev.state import AlreadyRunning, State


def main() -> int:
    """Forget the state; return 2 when it is in use or is not ours to remove."""
    try:
        State(Path(__file__).parents[2] / ".local").forget()
        print("make dev starts empty next time")
    except (AlreadyRunning, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
