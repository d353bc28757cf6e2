"""Build the folders that are deployed: ``python -m local.build`` (``make build``).

``dist/shared-layer`` is the layer; a folder for each function holds what the layer has not.
Everything comes from the lock files as wheels for Lambda's Linux, so no compiler and no container
is needed; and two builds of the same sources are equal byte for byte.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from local.project import ALL_FUNCTIONS, ROOT, logical_id

PYTHON: Final = "3.13"
# Lambda's python3.13 runs on Amazon Linux 2023, whose glibc is 2.34.
PLATFORMS: Final = {"x86_64": "x86_64-manylinux_2_28", "arm64": "aarch64-manylinux_2_28"}

# The runtime has boto3 and what boto3 needs (Developer Guide, "Packaging dependencies"). jmespath
# is packed all the same, because Powertools itself imports it.
_IN_RUNTIME: Final = frozenset(
    {"boto3", "botocore", "python-dateutil", "s3transfer", "six", "urllib3"}
)
# What installers leave behind, what only compilers and type checkers read, and tests.
# FastAPI imports pydantic's version 1 only to refuse its models, and takes an ImportError for no;
# it would be an eighth of the gateway's cold start.
_UNWANTED_FOLDERS: Final = ("bin", "*-stubs", "**/__pycache__", "**/tests", "pydantic/v1")
_UNWANTED_FILES: Final = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", ".lock"})
_UNWANTED_ENDINGS: Final = (".pyc", ".pyi", ".pyx", ".pxd", ".c", ".h")
_PACKAGE_NAME: Final = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==")
# The earliest time that a zip file can hold; SAM and CDK zip these folders.
_EPOCH: Final = 315_532_800


class BuildError(Exception):
    """A folder cannot be built; the message says why."""


class Target(NamedTuple):
    """One deployable folder.

    Attributes:
        folder: its name under ``dist``.
        lock: the lock file, without its ending.
        source: our own package, relative to the project.
        inside: where in the folder the packages go; Lambda looks for a layer's in ``python``.
        beside: the lock whose packages are not repeated here.
    """

    folder: str
    lock: str
    source: str
    inside: str = ""
    beside: str = ""


def _of_function(name: str) -> Target:
    """Return a function's folder; one without a lock of its own needs no more than the layer."""
    lock = name if (ROOT / "requirements" / f"{name}.txt").exists() else "shared"
    return Target(name, lock, f"functions/{name}", beside="shared")


TARGETS: Final = {
    "SharedLayer": Target("shared-layer", "shared", "layers/shared", inside="python"),
    **{logical_id(name): _of_function(name) for name in ALL_FUNCTIONS},
}
"""The folders, by the logical id in template.yaml that deploys them."""


def build(target: Target, folder: Path, arch: str, bytecode: str = "") -> None:
    """Build one folder anew; what was there is replaced.

    Args:
        arch: a key of ``PLATFORMS``.
        bytecode: a Python 3.13 to compile all modules with, or empty. Lambda's folders are
            read-only, so what is not compiled here is compiled at every cold start.

    Raises:
        BuildError: the installer or the compiler failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    packages = folder / target.inside
    _install(_requirements(target), packages, arch)
    source = ROOT / target.source
    shutil.copytree(source, packages / source.name)
    _strip(packages)
    if bytecode:
        _compile(bytecode, folder, "/opt" if target.inside else "/var/task")
    _normalize(folder)


def size_bytes(folder: Path) -> int:
    """Return the size of all files in a folder, which Lambda's 250 MB limit."""
    return sum(path.stat().st_size for path in _files(folder))


def _requirements(target: Target) -> str:
    """Return the lock's entries, without what the layer or the runtime has."""
    above = set(_IN_RUNTIME)
    if target.beside:
        above |= {name for name, _ in _entries(target.beside)}
    return "\n".join(entry for name, entry in _entries(target.lock) if name not in above)


def _entries(lock: str) -> Iterator[tuple[str, str]]:
    """Yield each package of a lock file: its name, and its lines with their hashes."""
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    for entry in re.split(r"\n(?=\S)", text.strip()):
        found = _PACKAGE_NAME.match(entry)
        if found:
            yield found[1].lower(), entry


def _install(requirements: str, into: Path, arch: str) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        lock = Path(scratch, "requirements.txt")
        lock.write_text(requirements)
        command = [
            *(str(Path(sysconfig.get_path("scripts"), "uv")), "pip", "install", "--quiet"),
            *("--target", str(into), "--requirements", str(lock), "--require-hashes", "--no-deps"),
            *("--python-platform", PLATFORMS[arch], "--python-version", PYTHON),
            *("--only-binary", ":all:", "--link-mode", "copy"),
        ]
        if subprocess.run(command, cwd=scratch, check=False).returncode:
            raise BuildError("uv could not install; its reason is above.")


def _strip(packages: Path) -> None:
    for pattern in _UNWANTED_FOLDERS:
        for folder in list(packages.glob(pattern)):
            shutil.rmtree(folder)
    for path in list(_files(packages)):
        if path.name in _UNWANTED_FILES or path.name.endswith(_UNWANTED_ENDINGS):
            path.unlink()


def _compile(python: str, folder: Path, deployed: str) -> None:
    """Compile all modules; they are named as when deployed (PEP 552)."""
    command = [python, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    names = ["-s", str(folder), "-p", deployed, str(folder)]
    if subprocess.run([*command, *names], env={"PYTHONHASHSEED": "0"}, check=False).returncode:
        raise BuildError(f"{python} could not compile; its reason is above.")


def _normalize(folder: Path) -> None:
    """Take away what differs between two builds: times, and the umask."""
    for path in (*folder.rglob("*"), folder):
        path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        os.utime(path, (_EPOCH, _EPOCH))


def _files(folder: Path) -> Iterable[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.build", description=__doc__)
    parser.add_argument("ids", nargs="*", metavar="LogicalId", help=f"of {', '.join(TARGETS)}")
    parser.add_argument("--arch", choices=PLATFORMS, default="x86_64")
    parser.add_argument(
        "--bytecode", default="", metavar="PYTHON", help="a Python 3.13 that compiles all modules"
    )
    parser.add_argument("--dist", type=Path, default=ROOT / "dist", help="where the folders go")
    parser.add_argument("--into", type=Path, help="the very folder to build into; for one id")
    return parser.parse_args(arguments)


def main() -> None:
    """Run the command."""
    given = _parse(sys.argv[1:])
    try:
        for logical_id in given.ids or TARGETS:
            target = TARGETS[logical_id]
            folder = (given.into or given.dist / target.folder).resolve()
            build(target, folder, given.arch, given.bytecode)
            print(f"{target.folder:14} {size_bytes(folder) / 1e6:6.1f} MB  {given.arch}")
    except BuildError as error:
        sys.exit(f"local.build: {error}")


if __name__ == "__main__":
    main()
