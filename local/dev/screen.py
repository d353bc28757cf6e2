"""The one screen: a line an event, under the name of who says it; colour on a terminal only."""

from __future__ import annotations

import os
import re
import select
import signal
import sys
import threading
from collections.abc import Mapping
from typing import Final, TextIO

_WIDTH: Final = 13  # of the longest name, and a space
_COLOURS: Final = (36, 32, 35, 33, 34, 96, 92, 95)  # of programs, as they begin to speak
_BOLD: Final = 1
_FAINT, _RED, _YELLOW = 2, 31, 33
_LEVEL: Final = re.compile(r"^\S+ (WARNING|ERROR|CRITICAL) ")
_LEFT_OUT: Final = re.compile(r" (?:function_request|correlation|message)_id=\S+")
_IDS: Final = re.compile(r"(?: \w+_id=\S+)+")


class Screen:
    """Writes whole lines; safe to use from several threads.

    Args:
        out: where to; colour is used when it is a terminal and ``NO_COLOR`` is not set.
        env: the environment (https://no-color.org).
    """

    def __init__(self, out: TextIO = sys.stdout, env: Mapping[str, str] = os.environ) -> None:
        self._out = out
        self._colour = out.isatty() and not env.get("NO_COLOR")
        self._colours = {"dev": _BOLD}
        self._one_at_a_time = threading.Lock()
        if out.isatty():
            threading.Thread(target=self._watch_terminal, name="terminal", daemon=True).start()

    def line(self, name: str, text: str) -> None:
        """Write a line of a program; ids that only a search needs are in its log alone."""
        text = _LEFT_OUT.sub("", text)
        level = _LEVEL.match(text)
        if level:
            text = self._paint(text, _YELLOW if level[1] == "WARNING" else _RED)
        else:
            text = _IDS.sub(lambda found: self._paint(found[0], _FAINT), text)
        self._write(self._paint(f"{name:<{_WIDTH}}", self._colour_of(name)) + text)

    def say(self, text: str) -> None:
        """Write what `make dev` itself has to say."""
        self.line("dev", text)

    def banner(self, api: str, inbox: str, env_file: str, logs: str, seconds: float) -> None:
        """Write what a person wants to know when everything is ready."""
        bold = self._paint
        self._write(
            f"""
  {bold(f"Ready in {seconds:.1f} s", 1)}

  API      {bold(f"{api}/docs", 36)}
  Inbox    {bold(inbox, 36)}
  Others   {env_file} has the addresses of Kafka, PostgreSQL and Redis
  Logs     {logs}

  Try it:

    curl -s {api}/api/v1/auth/register -H 'content-type: application/json' \\
      -d '{{"email": "ada@example.com", "password": "correct horse battery", "name": "Ada"}}'

  Code is reloaded when it changes. Ctrl-C stops everything.
"""
        )

    def _colour_of(self, name: str) -> int:
        return self._colours.setdefault(name, _COLOURS[(len(self._colours) - 1) % len(_COLOURS)])

    def _paint(self, text: str, colour: int) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colour else text

    def _write(self, text: str) -> None:
        with self._one_at_a_time:
            try:
                self._out.write(text + "\n")
                self._out.flush()
            except OSError:
                # No reader is left; writing elsewhere keeps the exit from failing on it, too.
                self._out = open(os.devnull, "w")  # noqa: SIM115, PTH123 - for the rest of our life
                os.kill(os.getpid(), signal.SIGTERM)

    def _watch_terminal(self) -> None:
        """End when the terminal is closed.

        The kernel tells the first process of the terminal only; where that is ``make``
        (``tmux new 'make dev'``), it waits for us instead of passing it on.
        """
        terminal = select.poll()
        terminal.register(self._out, 0)  # errors and hang-ups are always told
        [(_, event)] = terminal.poll()
        # macOS polls no terminals and answers POLLNVAL; there the next write ends us.
        if not event & select.POLLNVAL:
            os.kill(os.getpid(), signal.SIGTERM)
