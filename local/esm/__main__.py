"""The command: ``python -m local.esm --template template.yaml --bootstrap-servers HOST:PORT``."""

from __future__ import annotations

import os
import signal
import sys

from local.esm.errors import EsmError
from local.esm.options import parse
from local.esm.service import Service, read_mappings
from shared.settings import LogSettings, SettingsError, load
from shared.telemetry import configure


def main() -> int:
    """Run until a signal or, with ``--once``, until everything is delivered.

    Returns:
        Exit status: 0, or 2 when it could not do what it was asked.
    """
    options = parse(sys.argv[1:])
    try:
        configure("esm", load(LogSettings, {"LOG_FORMAT": "line", **os.environ}))
        service = Service(read_mappings(options), options, os.environ)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: service.stop())
        service.run()
    except (EsmError, SettingsError) as error:
        print(f"local.esm: {error}", file=sys.stderr)  # noqa: T201 - the command's own last word
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
