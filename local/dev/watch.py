"""Which programs a changed file concerns, and the thread that notices the change."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, NamedTuple

from local.project import ALL_FUNCTIONS, FUNCTIONS, ROOT

_ALL: Final = frozenset(ALL_FUNCTIONS)
_WORKERS: Final = frozenset(FUNCTIONS)

_CONCERNED: Final = {
    **{f"functions/{name}": frozenset({name}) for name in _ALL},
    "layers/shared": _ALL,
    "packages/lambda-esm/src": _WORKERS,
    "template.yaml": _WORKERS,
}


class Changed(NamedTuple):
    """Files were written.

    Attributes:
        paths: relative to the project, in order.
    """

    paths: tuple[str, ...]


def concerned(paths: Iterable[str]) -> set[str]:
    """Return the programs that run what is in these files.

    Args:
        paths: relative to the project.
    """
    return {
        name
        for path in paths
        for place, names in _CONCERNED.items()
        if path == place or path.startswith(f"{place}/")
        for name in names
    }


class Watcher:
    """Tells of changed files, from threads of its own, until stopped."""

    def __init__(self, tell: Callable[[Changed], None]) -> None:
        self._tell = tell
        self._stopping = threading.Event()
        folders = [ROOT / place for place in _CONCERNED if (ROOT / place).is_dir()]
        # The project's own folder for the sake of the files in it: an editor that puts a new file
        # in the place of the old would escape a watch on the old one.
        self._threads = [self._start(folders, below=True), self._start([ROOT], below=False)]

    def stop(self) -> None:
        """End the threads."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _start(self, places: list[Path], *, below: bool) -> threading.Thread:
        thread = threading.Thread(target=self._run, args=(places, below), name="watch", daemon=True)
        thread.start()
        return thread

    def _run(self, places: list[Path], below: bool) -> None:
        from watchfiles import watch  # here, beside what is starting

        found = watch(*places, stop_event=self._stopping, rust_timeout=500, recursive=below)
        for changes in found:
            paths = sorted({str(Path(path).relative_to(ROOT)) for _, path in changes})
            self._tell(Changed(tuple(paths)))
