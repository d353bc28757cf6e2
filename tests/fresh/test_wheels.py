"""Nothing that `make dev` or `make test` installs is compiled on a person's machine."""

from __future__ import annotations

import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Final

import pytest

from local.project import ROOT

_SETS: Final = ("uv", "run", "dev")
_PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")
_PLATFORMS: Final = (
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "aarch64-apple-darwin",
)
_UNREACHABLE: Final = "error sending request"


@pytest.mark.parametrize(("python", "platform"), list(product(_PYTHONS, _PLATFORMS)))
def test_every_locked_package_has_a_wheel(python: str, platform: str, tmp_path: Path) -> None:
    for name in _SETS:
        resolved = subprocess.run(
            [
                Path(sys.prefix, "bin", "uv"), "pip", "install", "--dry-run", "--target", tmp_path,
                "--only-binary", ":all:", "--require-hashes",
                "--python-version", python, "--python-platform", platform,
                "--requirements", ROOT / "requirements" / f"{name}.txt",
            ],
            capture_output=True,
            text=True,
        )  # fmt: skip
        if _UNREACHABLE in resolved.stderr:
            pytest.skip("no package index can be reached")
        assert resolved.returncode == 0, f"{name}: {resolved.stderr}"
