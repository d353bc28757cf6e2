"""Child processes that end with their parent, and say by a line of output when they are ready.

All children of one parent share a process group that a guard leads (:mod:`local.guard`). The
guard outlives a parent that was killed, for as long as it takes to end the rest.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

_KEPT_LINES = 30  # of a child's last words, shown when it fails


class StartError(Exception):
    """A process ended, or took too long, before it was ready. The message has its last words."""


class Command(NamedTuple):
    """How to start one program.

    Attributes:
        name: what it is called on the screen.
        argv: program and arguments.
        env: its whole environment.
        ready: a regular expression; the first line of output that has it says "I am ready".
            Empty when the program says nothing of the kind.
        stop: the signal that asks it to end.
        uid, gid: whom it runs as, when not as its parent.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    ready: str = ""
    stop: signal.Signals = signal.SIGTERM
    uid: int | None = None
    gid: int | None = None


class Group:
    """The children of this process; when it ends, however it ends, so do they."""

    def __init__(self) -> None:
        self._guard: subprocess.Popen[bytes] = subprocess.Popen(
            [sys.executable, "-m", "local.guard"], stdin=subprocess.PIPE, process_group=0
        )

    @property
    def id(self) -> int:
        """The process group, for ``setpgid``."""
        return self._guard.pid

    def kill(self) -> None:
        """End all at once, without asking."""
        # BSD, and so macOS, answers EPERM where only dead processes are left in the group.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.id, signal.SIGKILL)

    def close(self) -> None:
        """Let the guard end what is left, and wait for it."""
        if self._guard.stdin:
            self._guard.stdin.close()
        self._guard.wait()

    def __enter__(self) -> Group:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Process:
    """One running child.

    Args:
        command: what to start.
        group: whom it belongs to.
        on_line: called with each line of its output, from a thread of its own.
        on_ready, on_exit: called with this process, from the same thread, when it has said that
            it is ready, and when it has ended.

    Raises:
        OSError: the program cannot be started.
    """

    def __init__(
        self,
        command: Command,
        group: Group,
        on_line: Callable[[str], None] | None = None,
        on_ready: Callable[[Process], None] | None = None,
        on_exit: Callable[[Process], None] | None = None,
    ) -> None:
        self.command = command
        self.last_lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._on_line, self._on_ready, self._on_exit = on_line, on_ready, on_exit
        self._known = threading.Event()  # that it is ready, or never will be
        self._ready: re.Match[str] | None = None
        self._child = _spawn(command, group)
        self._reader = threading.Thread(target=self._read, name=command.name, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._child.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; below zero when a signal ended it."""
        return self._child.poll()

    def wait_ready(self, seconds: float) -> re.Match[str]:
        """Wait for the line that says it is ready, and return what was found in it.

        Raises:
            StartError: it ended, or did not say so in time.
        """
        self._known.wait(seconds)
        if self._ready is None:
            code = self.exit_code
            what = f"ended with {code}" if code is not None else f"was not ready in {seconds} s"
            raise StartError("\n  ".join([f"{self.command.name} {what}", *self.last_lines]))
        return self._ready

    def ask(self) -> None:
        """Ask it to end, and do not wait; nothing happens when it has ended."""
        self._child.send_signal(self.command.stop)

    def stop(self, seconds: float = 5.0) -> None:
        """Ask it to end, wait, and end it the hard way when the time is over."""
        self.ask()
        self.wait_end(seconds)

    def wait_end(self, seconds: float) -> None:
        """Wait for its end, and bring it about when the time is over."""
        try:
            self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
        self._reader.join(1.0)

    def kill(self) -> None:
        """``kill -9``, and wait."""
        self._child.kill()
        self._child.wait()

    def _read(self) -> None:
        assert self._child.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
        with self._child.stdout as output:
            for raw in output:
                self._hear(raw.decode(errors="replace").rstrip())
        self._child.wait()
        self._known.set()
        if self._on_exit:
            self._on_exit(self)

    def _hear(self, line: str) -> None:
        self.last_lines.append(line)
        if self._on_line:
            self._on_line(line)
        if self.command.ready and not self._known.is_set():
            self._ready = re.search(self.command.ready, line)
            if self._ready:
                self._known.set()
                if self._on_ready:
                    self._on_ready(self)


def module(name: str, *arguments: str) -> tuple[str, ...]:
    """Return the command line that runs a module with this Python."""
    return (sys.executable, "-m", name, *arguments)


def package_file(package: str, *path: str) -> Path:
    """Find a file inside an installed package, without importing it.

    Raises:
        StartError: the package is not installed.
    """
    from importlib.util import find_spec

    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise StartError(f"The package {package} is not installed: run `make setup`.")
    return Path(spec.origin).parent.joinpath(*path)


def _spawn(command: Command, group: Group) -> subprocess.Popen[bytes]:
    other = command.uid is not None
    return subprocess.Popen(
        command.argv,
        env=dict(command.env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        process_group=group.id,
        user=command.uid,
        group=command.gid,
        extra_groups=[] if other else None,
    )
