"""The environment is whole or is made anew, however its making was interrupted."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Final

import pytest

from local.programs import ROOT
from tests.services import eventually

_ONE_PACKAGE: Final = re.compile(r"^idna==.*?(?=^\S)", re.MULTILINE | re.DOTALL)
_UNREACHABLE: Final = re.compile(r"NewConnectionError|NameResolutionError|error sending request")


def _project(folder: Path) -> Path:
    """What `make setup` reads, with one package to install."""
    (folder / "requirements").mkdir()
    (folder / "layers").mkdir()
    shutil.copy(ROOT / "Makefile", folder)
    shutil.copytree(ROOT / "layers" / "shared", folder / "layers" / "shared")
    shutil.copy(ROOT / "requirements" / "uv.txt", folder / "requirements")
    found = _ONE_PACKAGE.search((ROOT / "requirements" / "run.txt").read_text())
    assert found
    (folder / "requirements" / "run.txt").write_text(found[0])
    return folder


def _setup(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["make", "setup"],
        cwd=folder,
        env={
            name: value for name, value in os.environ.items() if name not in ("VENV", "MAKEFLAGS")
        },
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize("seen", [".venv/bin/python", ".venv/bin/uv"])
def test_a_setup_that_was_killed_is_made_good_by_the_next(tmp_path: Path, seen: str) -> None:
    folder = _project(tmp_path)
    with _setup(folder) as first:
        eventually(lambda: (folder / seen).exists() or first.poll() is not None)
        os.killpg(first.pid, signal.SIGKILL)
        first.communicate()

    with _setup(folder) as second:
        output, _ = second.communicate()

    if _UNREACHABLE.search(output):
        pytest.skip("no package index can be reached")
    assert second.returncode == 0, output
    imported = [str(folder / ".venv/bin/python"), "-c", "import idna, shared"]
    assert subprocess.run(imported, cwd="/").returncode == 0
