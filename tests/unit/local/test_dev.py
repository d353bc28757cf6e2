"""The parts of `make dev` that need no process."""

from __future__ import annotations

import io
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from local import programs
from local.dev.screen import Screen
from local.dev.state import AlreadyRunning, State
from local.dev.watch import concerned
from tests.services import PATIENCE_S

_SCREEN = """
import sys
from local.dev.screen import Screen
Screen().say("here")
sys.stdin.read()
"""
# It knows no terminals, and says so at once (poll(2), BUGS).
_POLL_OF_MACOS = """
import select
from unittest.mock import Mock
select.poll = Mock()
select.poll.return_value.poll.return_value = [(1, select.POLLNVAL)]
"""


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("functions/gateway/routes/auth.py", {"gateway"}),
        ("functions/user/migrations/0001.sql", {"user"}),
        ("functions/notification/templates/welcome.html", {"notification"}),
        ("layers/shared/contract/topics.py", {"gateway", "user", "notification"}),
        ("packages/lambda-esm/src/lambda_esm/poll/poller.py", {"user", "notification"}),
        ("template.yaml", {"user", "notification"}),
        ("functions/gateway.txt", set()),
    ],
)
def test_a_changed_file_concerns_who_runs_it(path: str, names: set[str]) -> None:
    assert concerned([path]) == names


def test_several_changed_files_concern_everybody_once() -> None:
    paths = [
        "functions/user/accounts/registration.py",
        "functions/user/accounts/model.py",
        "functions/gateway/app.py",
    ]
    assert concerned(paths) == {"user", "gateway"}


def test_lines_stand_under_the_name_of_who_says_them() -> None:
    out = io.StringIO()
    screen = Screen(out, {})
    screen.line("user", "12:00:00 WARNING late user_id=1 correlation_id=2 ms=3")
    screen.line("notification", "12:00:01 mail sent")
    assert out.getvalue() == (
        "user         12:00:00 WARNING late user_id=1 ms=3\nnotification 12:00:01 mail sent\n"
    )


def test_a_terminal_that_is_closed_ends_make_dev() -> None:
    ours, screen = _on_a_terminal(_SCREEN)
    with screen:
        assert b"here" in os.read(ours, 100)
        os.close(ours)
        assert screen.wait(PATIENCE_S) == -signal.SIGTERM


def test_a_terminal_that_cannot_be_watched_ends_nothing() -> None:
    ours, screen = _on_a_terminal(_POLL_OF_MACOS + _SCREEN)
    with screen:
        assert b"here" in os.read(ours, 100)
        screen.communicate()
    assert screen.returncode == 0
    os.close(ours)


def test_the_state_has_one_user_at_a_time(tmp_path: Path) -> None:
    state = State(tmp_path / ".local")
    with (
        state.locked(),
        state.env_file({"API_URL": "http://127.0.0.1:3000"}),
        pytest.raises(AlreadyRunning, match=r"http://127\.0\.0\.1:3000"),
        state.locked(),
    ):
        pass
    with state.locked():
        assert not (state / "dev.env").exists()


def test_addresses_are_told_for_as_long_as_they_are_true(tmp_path: Path) -> None:
    state = State(tmp_path / ".local")
    told = []
    with pytest.raises(KeyboardInterrupt), state.env_file({"A": "1", "B": "x=y"}):
        _interrupt(lambda: told.append((state / "dev.env").read_text()))
    assert told == ["A=1\nB=x=y\n"]
    assert not (state / "dev.env").exists()


def test_a_reset_forgets_what_dev_keeps_and_nothing_else(tmp_path: Path) -> None:
    state = State(tmp_path / ".local")
    (state / "inbox").mkdir()
    (state / "inbox" / "1.eml").touch()
    (state / "keys.json").touch()
    (state / "kafka-jars").mkdir()
    state.forget()
    assert {path.name for path in state.folder.iterdir()} == {"kafka-jars", "dev.lock"}


def test_a_reset_leaves_a_running_system_alone(tmp_path: Path) -> None:
    state = State(tmp_path / ".local")
    (state / "keys.json").touch()
    with state.locked(), pytest.raises(AlreadyRunning):
        State(state.folder).forget()
    assert (state / "keys.json").exists()


@pytest.mark.parametrize(
    ("asked", "given"),
    [("DEBUG", "DEBUG"), ("debug", "DEBUG"), ("WARNING", "INFO"), ("ERROR", "INFO"), ("", "")],
)
def test_a_program_is_never_so_quiet_that_nobody_hears_it_is_ready(
    monkeypatch: pytest.MonkeyPatch, asked: str, given: str
) -> None:
    monkeypatch.setenv("LOG_LEVEL", asked)

    assert programs.gateway({}).env["LOG_LEVEL"] == given


@pytest.mark.parametrize("name", ["KAFKA_SASL_MECHANISM", "PGSERVICE", "PGSSLMODE"])
def test_what_is_exported_for_other_servers_is_not_meant_for_ours(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "of another system")

    assert name not in programs.gateway({}).env


def _on_a_terminal(code: str) -> tuple[int, subprocess.Popen[bytes]]:
    """Run Python code whose output is a terminal; returns the terminal's other end."""
    ours, theirs = pty.openpty()
    python = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=theirs)
    os.close(theirs)
    return ours, python


def _interrupt(first: Callable[[], None]) -> None:
    first()
    raise KeyboardInterrupt
