"""The wheel: what is in it, how large it is, and that it can be built again byte for byte."""

from __future__ import annotations

import configparser
import contextlib
import os
import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from flit_core import buildapi

PACKAGE = Path(__file__).parents[2] / "packages" / "lambda-esm"
SOURCES = PACKAGE / "src" / "lambda_esm"
LARGEST_BYTES = 300_000


def build(folder: Path, copy: Path) -> Path:
    """Build a wheel of a copy of the sources, as another checkout would have them."""
    shutil.copytree(
        PACKAGE,
        copy,
        copy_function=shutil.copyfile,
        ignore=shutil.ignore_patterns("__pycache__", "dist", "*.egg-info"),
    )
    folder.mkdir()
    with contextlib.chdir(copy):
        name: str = buildapi.build_wheel(str(folder))
    return folder / name


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    return build(folder / "dist", folder / "copy")


def metadata(wheel: Path, name: str) -> str:
    with zipfile.ZipFile(wheel) as archive:
        (found,) = (path for path in archive.namelist() if path.endswith(f".dist-info/{name}"))
        return archive.read(found).decode()


def test_it_has_the_package_and_its_metadata_and_nothing_else(wheel: Path) -> None:
    sources = {
        f"lambda_esm/{path.relative_to(SOURCES).as_posix()}"
        for path in SOURCES.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())

    packed = {name for name in names if name.startswith("lambda_esm/")}
    others = {name.partition("/")[2] for name in names - packed}
    assert packed == sources
    assert "lambda_esm/py.typed" in packed
    assert others == {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}


def test_it_installs_the_command(wheel: Path) -> None:
    entry_points = configparser.ConfigParser()
    entry_points.read_string(metadata(wheel, "entry_points.txt"))

    assert dict(entry_points["console_scripts"]) == {"lambda-esm": "lambda_esm.cli:main"}


def test_its_metadata_stand_alone_on_a_registry(wheel: Path) -> None:
    found = Parser().parsestr(metadata(wheel, "METADATA"))

    assert found["Name"] == "lambda-esm"
    assert found["License-Expression"] == "Apache-2.0"
    assert found["Requires-Python"] == ">=3.11"
    assert found.get_all("Provides-Extra") == ["aws"]
    assert found["Description-Content-Type"] == "text/markdown"
    readme = (PACKAGE / "README.md").read_text()
    assert str(found.get_payload()).strip() == readme.strip()
    assert "](" not in readme, "a registry does not have the files that a link would name"


def test_its_license_is_the_repositorys(wheel: Path) -> None:
    licence = (PACKAGE.parents[1] / "LICENSE").read_text()

    assert metadata(wheel, "licenses/LICENSE") == licence


def test_it_is_small(wheel: Path) -> None:
    assert wheel.stat().st_size <= LARGEST_BYTES


def test_it_is_built_again_byte_for_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With ``SOURCE_DATE_EPOCH`` (reproducible-builds.org); otherwise the files' ages go in."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    first = build(tmp_path / "dist", tmp_path / "copy")
    for path in (tmp_path / "copy").rglob("*.*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
        path.chmod(0o600)

    with contextlib.chdir(tmp_path / "copy"):
        (tmp_path / "again").mkdir()
        name: str = buildapi.build_wheel(str(tmp_path / "again"))

    assert name == first.name
    assert (tmp_path / "again" / name).read_bytes() == first.read_bytes()


@pytest.mark.parametrize(
    ("missing", "use"),
    [
        ("boto3", "import lambda_esm.connect.aws"),
        ("aws_msk_iam_sasl_signer", "lambda_esm.connect.msk_iam.oauth_callback()"),
    ],
)
def test_without_the_extra_it_says_what_to_install(missing: str, use: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; import lambda_esm.connect.msk_iam; {use}"

    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert run.returncode == 1
    assert "AWS's SDK is needed here: pip install 'lambda-esm[aws]'." in run.stderr
