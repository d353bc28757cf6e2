"""The folder ``.local``: what ``make dev`` keeps, and who is using it.

Only the standard library is imported, so that ``make dev-reset`` works without an environment.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

ENV_FILE: Final = "dev.env"

_KEPT = ("postgres", "redis", "kafka", "inbox", "logs", "keys.json", ENV_FILE)
_LOCK = "dev.lock"


class AlreadyRunning(Exception):
    """Another ``make dev`` uses the folder. The message says which."""


class State:
    """What survives a restart.

    Args:
        folder: is made when it does not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)

    def __truediv__(self, name: str) -> Path:
        return self.folder / name

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep the folder to this process; the kernel lets go of it however the process ends.

        Raises:
            AlreadyRunning: another process has it.
        """
        with (self / _LOCK).open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise AlreadyRunning(self._who(lock.read())) from None
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield

    @contextlib.contextmanager
    def env_file(self, variables: Mapping[str, str]) -> Iterator[None]:
        """Tell any tool where everything is, for as long as it is there."""
        path = self / ENV_FILE
        self.write_env(variables)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)

    def write_env(self, variables: Mapping[str, str]) -> None:
        """Write the file anew, for the owner only: there are passwords in the URLs."""
        unfinished = self / f"{ENV_FILE}.unfinished"
        unfinished.touch(mode=0o600)
        unfinished.write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
        unfinished.rename(self / ENV_FILE)

    def forget(self) -> None:
        """Remove everything that is kept.

        Raises:
            AlreadyRunning: it is in use.
            OSError: something in it belongs to another user.
        """
        with self.locked():
            for path in map(self.folder.joinpath, _KEPT):
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)

    def _who(self, pid: str) -> str:
        with contextlib.suppress(OSError):
            for line in (self / ENV_FILE).read_text().splitlines():
                name, _, url = line.partition("=")
                if name == "API_URL":
                    return f"make dev is running here already, on {url} (process {pid})."
        return f"make dev is running here already (process {pid})."
