"""``python -m local`` is ``make dev``."""

from __future__ import annotations

import sys

from local.dev.command import main

if __name__ == "__main__":
    sys.exit(main())
