"""Children end with their parent, and say when they are ready."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import psutil
import pytest

from local.process import Command, Group, Process, StartError
from tests.services import PATIENCE_S, eventually

_SLEEP = "import time; print('up on port 7', flush=True); time.sleep(100)"
_STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {_SLEEP}"

_PARENT = """
import os, pathlib, sys, time
from local.process import Command, Group, Process
_, code, note = sys.argv
process = Process(Command("child", (sys.executable, "-c", code), os.environ, "up"), Group())
process.wait_ready(60)
pathlib.Path(note).write_text(str(process.pid))
time.sleep(100)
"""


def _python(code: str, ready: str = "") -> Command:
    return Command("child", (sys.executable, "-c", code), dict(os.environ), ready)


def test_what_the_ready_line_tells_is_given(group: Group) -> None:
    process = Process(_python(_SLEEP, r"up on port (?P<port>\d+)"), group)
    assert process.wait_ready(PATIENCE_S)["port"] == "7"
    process.stop()
    assert process.exit_code == -signal.SIGTERM


def test_the_last_words_of_one_that_never_gets_ready_are_told(group: Group) -> None:
    process = Process(_python("raise SystemExit('no such file')", "up"), group)
    with pytest.raises(StartError, match=r"(?s)child ended with 1.*no such file"):
        process.wait_ready(PATIENCE_S)


def test_one_that_does_not_listen_is_ended_all_the_same(group: Group) -> None:
    process = Process(_python(_STUBBORN, "up"), group)
    process.wait_ready(PATIENCE_S)
    process.stop(0.1)
    assert process.exit_code == -signal.SIGKILL


@pytest.mark.parametrize("code", [_SLEEP, _STUBBORN], ids=["willing", "stubborn"])
def test_children_end_when_their_parent_is_killed(tmp_path: Path, code: str) -> None:
    note = tmp_path / "pid"
    parent = subprocess.Popen([sys.executable, "-c", _PARENT, code, str(note)])
    child = psutil.Process(int(eventually(lambda: note.read_text() if note.exists() else None)))
    parent.kill()
    parent.wait()
    eventually(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_a_group_of_dead_processes_is_as_good_as_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """BSD, and so macOS, answers a signal to such a group with EPERM, Linux with success."""
    with Group() as group, monkeypatch.context() as macos:
        macos.setattr(os, "killpg", Mock(side_effect=PermissionError(1, "not permitted")))
        group.kill()
