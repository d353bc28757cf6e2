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

from local.project import ROOT
from tests.services import eventually

# One to look for, and the one that builds ours.
_PACKAGES: Final = re.compile(r"^(?:idna|flit-core)==.*?(?=^\S)", re.MULTILINE | re.DOTALL)
_UNREACHABLE: Final = re.compile(r"NewConnectionError|NameResolutionError|error sending request")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """What `make setup` reads, with two packages to install."""
    folder = tmp_path
    (folder / "requirements").mkdir()
    (folder / "layers").mkdir()
    shutil.copy(ROOT / "Makefile", folder)
    shutil.copytree(ROOT / "layers" / "shared", folder / "layers" / "shared")
    shutil.copy(ROOT / "requirements" / "uv.txt", folder / "requirements")
    shutil.copytree(ROOT / "make", folder / "make")
    shutil.copytree(ROOT / "packages", folder / "packages")
    found = _PACKAGES.findall((ROOT / "requirements" / "run.txt").read_text())
    assert len(found) == 2
    (folder / "requirements" / "run.txt").write_text("".join(found))
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


@pytest.mark.parametrize("seen", [".venv/bin/python", ".venv/bin/uv", ".venv/.unfinished"])
def test_a_setup_that_was_killed_is_made_good_by_the_next(project: Path, seen: str) -> None:
    with _setup(project) as first:
        eventually(lambda: (project / seen).exists() or first.poll() is not None)
        os.killpg(first.pid, signal.SIGKILL)
        first.communicate()

    _assert_whole(project)


def test_a_package_that_was_copied_in_part_is_installed_anew(project: Path) -> None:
    _assert_whole(project)
    (package,) = project.glob(".venv/lib/*/site-packages/idna")
    (package / "core.py").unlink()
    (project / ".venv" / ".unfinished").touch()

    _assert_whole(project)


def test_a_python_of_another_version_gets_an_environment_of_its_own(project: Path) -> None:
    _assert_whole(project)
    (packages,) = project.glob(".venv/lib/python*")
    packages.rename(packages.with_name("python3.10"))  # as after an upgrade of the machine's Python

    _assert_whole(project)


def _assert_whole(project: Path) -> None:
    """Run `make setup`, and import what it installs."""
    with _setup(project) as running:
        output, _ = running.communicate()
    if _UNREACHABLE.search(output):
        pytest.skip("no package index can be reached")
    assert running.returncode == 0, output
    imported = [str(project / ".venv/bin/python"), "-c", "import idna, shared"]
    assert subprocess.run(imported, cwd="/").returncode == 0
