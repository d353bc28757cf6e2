"""The command: settings, lock, ports, signals, and what is said when something is in the way."""

from __future__ import annotations

import os
import signal
import sys
import time
from types import FrameType

from local.dev.screen import Screen
from local.dev.settings import DevSettings, PortInUse, choose
from local.dev.state import AlreadyRunning, State
from local.dev.supervisor import Supervisor
from local.dev.system import System
from local.process import Group, StartError
from local.project import ROOT
from shared.config.settings import SettingsError, load

_IN_THE_WAY = (
    "If what is kept in .local is damaged, `make dev-reset` forgets it; "
    "what another user has made there, that user has to remove."
)
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    """Run the system.

    Returns:
        0 after Ctrl-C, 1 when a service does not start, 2 when it could not even begin.
    """
    started_at = time.monotonic()
    try:
        settings = load(DevSettings, os.environ)
        state = State(ROOT / ".local")
        with state.locked():
            system = System(state, choose(settings), apache_kafka=settings.kafka == "apache")
            return _run(system, state, settings.port, started_at)
    except (SettingsError, AlreadyRunning, PortInUse) as error:
        return _refuse(str(error))
    except (OSError, ValueError) as error:
        return _refuse(f"{error}\n{_IN_THE_WAY}")


def _refuse(reason: str) -> int:
    print(reason, file=sys.stderr)
    return 2


def _run(system: System, state: State, port: int, started_at: float) -> int:
    screen = Screen()
    with Group() as group:
        interrupt = _Interrupt(group)
        supervisor = Supervisor(system, state, group, screen, port, started_at)
        try:
            supervisor.run()
        except KeyboardInterrupt:
            status = 0
        except StartError as error:
            screen.say(str(error))
            screen.say(_IN_THE_WAY)
            status = 1
        finally:
            interrupt.asked = True
            screen.say("stopping")
            supervisor.stop()
        return status


class _Interrupt:
    """The first signal ends the work in good order; one more ends it at once."""

    def __init__(self, group: Group) -> None:
        self.asked = False
        self._group = group
        for number in _SIGNALS:
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self.asked:
            self._group.kill()
            return
        self.asked = True
        raise KeyboardInterrupt
