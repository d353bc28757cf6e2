"""Apache Kafka's jars: fetched by Maven with the machine's own settings, verified by checksum.

``apache-kafka/pom.xml`` names what is wanted, ``apache-kafka/jars.lock`` every jar that this
brings, with its SHA-256. Nothing is put on a class path that is not in the lock.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from hashlib import file_digest
from pathlib import Path
from typing import Final, NamedTuple

from local.process import StartError

_DATA: Final = Path(__file__).with_name("apache-kafka")
_POM: Final = _DATA / "pom.xml"
_LOCK: Final = _DATA / "jars.lock"
_JAVA: Final = 17  # Kafka 4's brokers need it (KIP-1013)
_LISTED: Final = re.compile(r"^ +([^: ]+):([^: ]+):jar:([^: ]+):(?:compile|runtime)", re.MULTILINE)


class KafkaUnavailable(StartError):
    """Apache Kafka cannot be run on this machine; the message is the reason, in one line."""


class Jar(NamedTuple):
    """One artifact of a Maven repository."""

    group: str
    artifact: str
    version: str

    @property
    def file_name(self) -> str:
        """As ``dependency:copy-dependencies`` names it with ``mdep.prependGroupId``."""
        return f"{self.group}.{self.artifact}-{self.version}.jar"


def java() -> str:
    """Find the Java launcher on the path.

    Raises:
        KafkaUnavailable: there is none, or it is too old.
    """
    launcher = shutil.which("java")
    if launcher is None:
        raise KafkaUnavailable(f"Java {_JAVA} or newer is needed, and there is no java here.")
    told = subprocess.run([launcher, "-version"], capture_output=True, text=True, check=False)
    version = re.search(r'version "(\d+)', told.stderr)
    if version is None or int(version[1]) < _JAVA:
        raise KafkaUnavailable(f"Java {_JAVA} or newer is needed, and {launcher} is older.")
    return launcher


def class_path(directory: Path, lock: Path = _LOCK) -> str:
    """Return the class path of a broker; fetch into ``directory`` the jars that are missing.

    Raises:
        KafkaUnavailable: no Maven, no way to a repository, or a jar that is not the locked one.
    """
    locked = dict(read_lock(lock))
    differing = _differing(directory, locked)
    if differing:
        for name in differing:
            (directory / name).unlink(missing_ok=True)  # Maven leaves what it finds
        _copy(directory)
        differing = _differing(directory, locked)
    if differing:
        raise KafkaUnavailable(f"Not what {lock.name} states: {', '.join(sorted(differing))}")
    return os.pathsep.join(str(directory / jar.file_name) for jar in locked)


def read_lock(lock: Path = _LOCK) -> Iterator[tuple[Jar, str]]:
    """Read each locked jar and its SHA-256 in hexadecimal."""
    for line in lock.read_text().splitlines():
        coordinates, checksum = line.split()
        yield Jar(*coordinates.split(":")), checksum


def write_lock(directory: Path) -> None:
    """Fetch what ``pom.xml`` asks for into an emptied ``directory``, and lock what came.

    Raises:
        KafkaUnavailable: Maven is not there or fails.
    """
    shutil.rmtree(directory, ignore_errors=True)
    jars = sorted(Jar(*found) for found in _LISTED.findall(_copy(directory)))
    lines = (f"{':'.join(jar)} {_checksum(directory / jar.file_name)}\n" for jar in jars)
    _LOCK.write_text("".join(lines))


def _copy(directory: Path) -> str:
    """Let Maven resolve and copy; returns its list of what it resolved."""
    maven = shutil.which("mvn")
    if maven is None:
        raise KafkaUnavailable("Apache Maven is needed to fetch Kafka, and there is no mvn here.")
    directory.mkdir(parents=True, exist_ok=True)
    resolved = directory / "resolved.txt"
    goals = ["dependency:list", f"-DoutputFile={resolved}", "dependency:copy-dependencies"]
    options = [f"-DoutputDirectory={directory}", "-Dmdep.prependGroupId=true"]
    done = subprocess.run(
        [maven, "-B", "-q", "-f", _POM, *goals, *options],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise KafkaUnavailable(f"Maven cannot fetch Kafka: {_first_error(done.stdout)}")
    return resolved.read_text()


def _first_error(output: str) -> str:
    lines = (line for line in output.splitlines() if "ERROR" in line)
    return next(lines, "it says nothing more").removeprefix("[ERROR]").strip()


def _differing(directory: Path, locked: dict[Jar, str]) -> set[str]:
    """Return the names of jars that are missing or are not the locked ones."""
    files = ((directory / jar.file_name, checksum) for jar, checksum in locked.items())
    return {file.name for file, checksum in files if _checksum(file) != checksum}


def _checksum(file: Path) -> str | None:
    if not file.exists():
        return None
    with file.open("rb") as content:
        return file_digest(content, "sha256").hexdigest()


def main() -> None:
    """Fetch and verify the jars, or say in one line why not; ``--lock`` writes the lock anew."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("directory", type=lambda path: Path(path).resolve())
    parser.add_argument("--lock", action="store_true")
    given = parser.parse_args()
    try:
        java()
        if given.lock:
            write_lock(given.directory)
        class_path(given.directory)
    except KafkaUnavailable as reason:
        parser.exit(1, f"{reason}\n")


if __name__ == "__main__":
    main()
