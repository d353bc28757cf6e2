"""Kafka's jars: only the locked ones are run, and what is lacking is said in one line."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from local.services.apache_kafka import JARS
from local.services.kafka_jars import KafkaUnavailable, class_path, java, read_lock


@pytest.fixture
def jars(tmp_path: Path) -> Path:
    class_path(JARS)
    return Path(shutil.copytree(JARS, tmp_path / "jars", copy_function=os.link))


@pytest.mark.apache
def test_a_damaged_jar_is_fetched_again(jars: Path) -> None:
    whole = class_path(jars)
    first = Path(whole.split(os.pathsep)[0])
    content = first.read_bytes()
    first.unlink()
    first.write_bytes(content[:100])

    assert class_path(jars) == whole
    assert first.read_bytes() == content


@pytest.mark.apache
def test_a_jar_that_is_not_the_locked_one_is_refused(jars: Path, tmp_path: Path) -> None:
    lock = tmp_path / "other.lock"
    jar, _ = next(read_lock())
    lock.write_text(f"{':'.join(jar)} {'0' * 64}\n")

    with pytest.raises(KafkaUnavailable, match=rf"^Not what other.lock states: {jar.file_name}$"):
        class_path(jars, lock)


def test_without_java_or_maven_the_reason_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(KafkaUnavailable, match=r"^Java 17 or newer is needed.*$"):
        java()
    with pytest.raises(KafkaUnavailable, match=r"^Apache Maven is needed.*$"):
        class_path(tmp_path)


def test_a_java_that_is_too_old_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "java"
    old.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(KafkaUnavailable, match=rf"^Java 17 or newer is needed, and {old} is older"):
        java()
