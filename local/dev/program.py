"""One program of the system, through all its starts."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, TextIO

from local.dev.screen import Screen
from local.process import Command, Group, Process

_FIRST_DELAY_S: Final = 0.5
_LONGEST_DELAY_S: Final = 10.0
_STEADY_S: Final = 30.0  # after so long a life, its end is a first failure again


class Ended(NamedTuple):
    """A process has ended, asked or not."""

    program: Program
    process: Process


class Ready(NamedTuple):
    """A process has said that it is ready."""

    program: Program
    process: Process


class Program:
    """Starts a program again and again, and keeps what it writes.

    What it says before it is ready, and while it stops, goes to its log file only: that is noise,
    unless it never gets ready, and then all of it is shown. So is what it says before anybody can
    have asked for anything.

    Args:
        name: on the screen.
        make: gives the command of each start; may prepare what the program needs.
        group: whom the processes belong to.
        log: the file for its output.
        tell: called from other threads with what has happened.
        screen: where its lines go; None for a program that only has a log.

    Attributes:
        due_at: monotonic time of its next start, when it has failed.
        process: the running one, or None.
        was_ready: whether it has been ready once.
        is_shown: whether its lines go to the screen from now on.
    """

    def __init__(
        self,
        name: str,
        make: Callable[[], Command],
        *,
        group: Group,
        log: Path,
        tell: Callable[[Ended | Ready], None],
        screen: Screen | None = None,
    ) -> None:
        self.name = name
        self.due_at: float | None = None
        self.process: Process | None = None
        self.was_ready = False
        self.is_shown = False
        self._make, self._group, self._tell, self._screen = make, group, tell, screen
        self._log: TextIO = log.open("w", buffering=1)
        self._held: list[str] | None = []
        self._stopping = False
        self._started_at = 0.0
        self._failures = 0
        self._last_words = ""

    @property
    def is_ready(self) -> bool:
        """Whether it runs and has said so."""
        return self.process is not None and self._held is None

    @property
    def seconds(self) -> float:
        """How long ago it was started."""
        return time.monotonic() - self._started_at

    def start(self) -> Process:
        """Start it.

        Raises:
            StartError: what it needs cannot be prepared.
        """
        self.due_at, self._held, self._stopping = None, [], False
        self._started_at = time.monotonic()
        self.process = Process(
            self._make(), self._group, on_line=self._hear, on_ready=self._ready, on_exit=self._ended
        )
        return self.process

    def ask_to_stop(self) -> None:
        """Ask it to end; what it says from now on is not shown."""
        self.due_at, self._stopping = None, True
        if self.process:
            self.process.ask()

    def kill(self) -> None:
        """End it at once; nothing more of it is shown."""
        self.due_at, self._stopping = None, True
        if self.process:
            self.process.kill()
        self.process = None

    def stop(self, seconds: float) -> None:
        """End it, and wait for its end."""
        self.ask_to_stop()
        if self.process:
            self.process.wait_end(seconds)
        self.process = None

    def fail(self, process: Process) -> float | None:
        """Take note of an end.

        Returns:
            the seconds after which it is to be started again; None when the end was asked for.
        """
        if process is not self.process or self._stopping:
            return None
        self.process = None
        self._failures = 1 if self.seconds > _STEADY_S else self._failures + 1
        delay = min(_FIRST_DELAY_S * 2.0 ** (self._failures - 1), _LONGEST_DELAY_S)
        self.due_at = time.monotonic() + delay
        return delay

    def close(self) -> None:
        """Close the log."""
        self._log.close()

    def _hear(self, line: str) -> None:
        self._log.write(line + "\n")
        if self._stopping:
            return
        if self._held is not None:
            self._held.append(line)
        elif self.is_shown:
            self._show(line)

    def show_held(self) -> None:
        """Show what is held back until it is ready, because that takes too long."""
        self.is_shown = True
        for line in list(self._held or ()):
            self._show(line)

    def _ready(self, process: Process) -> None:
        self._held = None
        self._tell(Ready(self, process))

    def _ended(self, process: Process) -> None:
        if not self._stopping:
            self._release()
        self._tell(Ended(self, process))

    def _release(self) -> None:
        """Show what was held back; of the same failure again, the last line only."""
        held, self._held = self._held or [], None
        last_words, self._last_words = self._last_words, held[-1] if held else ""
        for line in held[-1:] if self._last_words == last_words else held:
            self._show(line)

    def _show(self, line: str) -> None:
        if self._screen:
            self._screen.line(self.name, line)
