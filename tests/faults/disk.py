"""PostgreSQL's disk is full: a small one in memory, which only root can mount."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.faults.fault import Fault
from tests.faults.world import World, open_world

_HOLD_S = 3.0
_SIZE = "192m"
_PIECE = bytes(1 << 20)


@contextmanager
def _on_a_small_disk() -> Iterator[World]:
    with tempfile.TemporaryDirectory(prefix="disk-") as folder:
        Path(folder).chmod(0o755)
        _run("mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "faults", folder)
        try:
            with open_world(disk=Path(folder, "postgres")) as world:
                yield world
        finally:
            _run("umount", folder)


def _full(world: World) -> None:
    filler = world.postgres_data.parent / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(_PIECE):
            pass
    assert _is_full(world)
    world.hold(_HOLD_S)
    filler.unlink()
    if not world.postgres.runs:  # it gives up when it cannot write its log
        world.postgres.start()


def _is_full(world: World) -> bool:
    """Whether PostgreSQL has noticed."""
    try:
        with world.database() as connection:
            connection.execute("CREATE TABLE filler AS SELECT generate_series(1, 1000000)")
    except psycopg.Error:
        return True
    return False


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


def _skip() -> str:
    if sys.platform != "linux" or os.geteuid() != 0:
        return "needs root on Linux, to mount a small disk"
    with tempfile.TemporaryDirectory() as folder:
        tried = ("mount", "-t", "tmpfs", "-o", "size=64k", "faults", folder)
        if subprocess.run(tried, capture_output=True, check=False).returncode:
            return "may not mount a small disk here"
        _run("umount", folder)
    return ""


FAULTS = (Fault("PostgreSQL: disk full for 3 s", _full, _skip, _on_a_small_disk),)
