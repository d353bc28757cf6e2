"""The command: ``python -m local.esm --template template.yaml --bootstrap-servers HOST:PORT``."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

from local.esm.errors import EsmError
from local.esm.options import parse
from local.esm.replay import command as replay
from local.esm.service import Service
from local.esm.template.selection import read_mappings
from shared.config.logs import configure
from shared.config.settings import LogSettings, SettingsError, load


def main() -> int:
    """Run until a signal or, with ``--once``, until everything is delivered.

    Returns:
        Exit status: 0, or 2 when it could not do what it was asked.
    """
    try:
        configure("esm", load(LogSettings, {"LOG_FORMAT": "line", **os.environ}))
        if sys.argv[1:2] == ["replay"]:
            replay.run(sys.argv[2:])
        else:
            _serve(sys.argv[1:])
    except (EsmError, SettingsError) as error:
        print(f"local.esm: {error}", file=sys.stderr)  # noqa: T201 - the command's own last word
        return 2
    return 0


def _serve(arguments: list[str]) -> None:
    options = parse(arguments)
    service = Service(read_mappings(options), options, os.environ)
    _stop_on_signals(service)
    service.run()


def _stop_on_signals(service: Service) -> None:
    """The first signal lets what is out end; the second one does not wait for it."""

    def stop(number: int, _: FrameType | None) -> None:
        signal.signal(number, lambda *_: os._exit(128 + number))
        service.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


if __name__ == "__main__":
    sys.exit(main())
