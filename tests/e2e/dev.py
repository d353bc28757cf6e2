"""Runs `make dev` in a copy of the project, as a person would, and looks at its screen."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil

from local import ports
from local.project import ROOT
from tests.services import eventually

_PARTS = ("functions", "layers", "local", "template.yaml")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "kafka", "kafka-jars")
_COMMANDS = {  # what is in whose command line
    "gateway": "-m gateway.server",
    "user": "--function UserFunction",
    "notification": "--function NotificationFunction",
    "broker": "-m local.services.broker",
    "inbox": "-m local.services.inbox",
    "redis": "valkey-server",
    "postgres": "bin/postgres",
}
START_S = 60.0  # a slow machine, with the database to create


def copy_project(folder: Path) -> Path:
    """What runs of the project, so that code can be changed and state kept apart.

    Args:
        folder: not pytest's own: PostgreSQL, under root, must reach it, and a second pytest that
            starts meanwhile closes that.
    """
    folder.mkdir(exist_ok=True)
    for name in _PARTS:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=_LEFT_OUT)
        else:
            shutil.copy(source, folder / name)
    return folder


class Dev:
    """One run of the command.

    Args:
        folder: a copy of the project.
        variables: of the environment, beside free ports and a cheap bcrypt.
    """

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        roots = os.pathsep.join(str(folder / root) for root in ("functions", "layers", ""))
        names = ("PORT", "INBOX_PORT", "SMTP_PORT", "POSTGRES_PORT", "REDIS_PORT")
        chosen = {name: str(ports.any_free()) for name in names}
        env = {
            **os.environ,
            "PYTHONPATH": roots,
            "BCRYPT_COST": "4",
            "KAFKA": "embedded",
            **chosen,
            **variables,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "local"],
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def screen(self) -> str:
        """Everything that was shown so far."""
        return "\n".join(self.lines)

    @property
    def env(self) -> dict[str, str]:
        """The content of dev.env."""
        text = (self.folder / ".local" / "dev.env").read_text()
        return dict(line.split("=", 1) for line in text.splitlines())

    def see(self, *words: str, timeout: float = START_S) -> str:
        """Wait for a line that has all the words, and return it."""

        def look() -> str | None:
            found = (line for line in self.lines if all(word in line for word in words))
            return next(found, None)

        try:
            return eventually(look, timeout)
        except AssertionError:
            raise AssertionError(f"no line with {words} in:\n{self.screen}") from None

    def see_ready_again(self, names: set[str], since: int) -> None:
        """Wait until all the programs have been restarted; ``since`` counts lines seen before."""

        def look() -> bool:
            shown = "\n".join(self.lines[since:])
            return all(f"{name} is ready again" in shown for name in names)

        eventually(look, START_S)

    def children(self) -> list[psutil.Process]:
        """All processes that this run has started."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def child(self, name: str) -> psutil.Process:
        """One program or service by its name."""
        command_lines = {each: " ".join(each.cmdline()) for each in self.children()}
        (found,) = (each for each, text in command_lines.items() if _COMMANDS[name] in text)
        return found

    @property
    def pids(self) -> dict[str, int]:
        """The process ids of programs and services by name."""
        return {name: self.child(name).pid for name in _COMMANDS}

    def interrupt(self) -> int:
        """Ctrl-C; returns the exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.wait()

    def wait(self) -> int:
        """Wait for the end; returns the exit status."""
        status = self.process.wait(START_S)
        self._reader.join(START_S)
        return status

    def close(self) -> None:
        """End it, if it still runs."""
        if self.process.poll() is None:
            self.interrupt()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                self.lines.append(line.rstrip())
