"""What `make build` makes: the same bytes each time, nothing that Lambda has, small enough."""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from local.build import PLATFORMS, TARGETS, build, size_bytes
from local.project import ROOT
from tests.lambda_runtime.emulator import PYTHON

_PROVIDED = {"boto3", "botocore", "s3transfer", "dateutil", "six.py", "urllib3"}


@pytest.mark.parametrize("logical_id", TARGETS)
@pytest.mark.parametrize("arch", PLATFORMS)
def test_two_builds_are_equal_to_the_byte(logical_id: str, arch: str, tmp_path: Path) -> None:
    digests = []
    for number in range(2):
        folder = tmp_path / str(number)
        build(TARGETS[logical_id], folder, arch)
        digests.append(digest(folder))

    assert digests[0] == digests[1]


def test_compiled_modules_are_equal_to_the_byte_too(runtime: None, tmp_path: Path) -> None:
    digests = set()
    for number in range(2):
        folder = tmp_path / str(number)
        build(TARGETS["GatewayFunction"], folder, "x86_64", str(PYTHON))
        assert (folder / "gateway/__pycache__/handler.cpython-313.pyc").exists()
        digests.add(digest(folder))

    assert len(digests) == 1


def test_nothing_is_in_two_places_and_nothing_is_there_that_the_runtime_has(dist: Path) -> None:
    layer = packages(dist / "shared-layer" / "python")
    assert not layer & _PROVIDED
    for target in TARGETS.values():
        if target.beside:
            assert not packages(dist / target.folder) & (layer | _PROVIDED), target.folder


def test_no_caches_no_tests_and_no_compilers_food(dist: Path) -> None:
    unwanted = re.compile(r"/(__pycache__|tests|RECORD|INSTALLER)(/|$)|\.(pyc|pyi|c|h)$")
    found = [path for path in dist.rglob("*") if unwanted.search(str(path))]
    assert found == []


@pytest.mark.parametrize("logical_id", TARGETS)
def test_native_code_is_for_the_architecture_asked_for(logical_id: str, tmp_path: Path) -> None:
    machines = {"x86_64": 0x3E, "arm64": 0xB7}  # ELF, e_machine
    for arch, machine in machines.items():
        folder = tmp_path / arch
        build(TARGETS[logical_id], folder, arch)
        libraries = [path.read_bytes()[18] for path in folder.rglob("*.so*")]
        assert set(libraries) == {machine}, arch


def test_sizes_are_within_the_targets_that_the_docs_state(dist: Path) -> None:
    targets = dict(documented_targets())
    assert set(targets) == {target.folder for target in TARGETS.values()}
    for folder, most_mb in targets.items():
        assert size_bytes(dist / folder) / 1e6 <= most_mb, folder
    layer = targets.pop("shared-layer")
    assert layer + max(targets.values()) <= 125  # half of what Lambda takes


def documented_targets() -> Iterator[tuple[str, float]]:
    """The rows ``| `folder` | now | target MB |`` of the documentation."""
    text = (ROOT / "docs" / "lambda.md").read_text()
    for folder, most in re.findall(r"^\| `([a-z-]+)` \|[^|]*\| (\d+) MB \|", text, re.MULTILINE):
        yield folder, float(most)


def packages(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def digest(folder: Path) -> str:
    """Of every path, its mode, its time and its bytes."""
    total = sha256()
    for path in sorted(folder.rglob("*")):
        status = path.stat()
        content = path.read_bytes() if path.is_file() else b""
        line = f"{path.relative_to(folder)} {status.st_mode:o} {status.st_mtime_ns} {len(content)}"
        total.update(line.encode() + b"\n" + content)
    return total.hexdigest()
