"""`make dev`, used as a person uses it."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import psycopg
import pytest
import redis
from confluent_kafka.admin import AdminClient

from local import ports
from shared.contract.topics import USER_REGISTER
from tests.e2e.dev import Dev, copy_project
from tests.services import PATIENCE_S, eventually

_GRACE = {"email": "grace@example.com", "password": "correct horse battery"}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    # Not pytest's own folder: PostgreSQL, under root, must reach it.
    with tempfile.TemporaryDirectory(prefix="dev-") as name:
        yield copy_project(Path(name))


@pytest.fixture(scope="module")
def dev(folder: Path) -> Iterator[Dev]:
    dev = Dev(folder)
    try:
        dev.see("Ready in")
        register = f"{dev.env['API_URL']}/api/v1/auth/register"
        assert httpx.post(register, json=_GRACE, timeout=PATIENCE_S).status_code == 201
        yield dev
    finally:
        dev.close()


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not on this machine")
def test_the_curl_it_shows_registers_and_the_mail_is_in_the_inbox(dev: Dev) -> None:
    shown = dev.screen[dev.screen.index("curl -s") :]
    answer = subprocess.run(
        re.split(r"\n\n", shown)[0].replace("curl -s", "curl -s -i"),
        shell=True,
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.startswith("HTTP/1.1 201")
    eventually(lambda: "ada@example.com" in _receivers(dev))
    dev.see("gateway ", "method=POST path=/api/v1/auth/register status=201")
    dev.see("user ", "command done", "topic=user.register")
    dev.see("user ", "invoked", "mapping=UserRegisterMapping")
    dev.see("notification ", "invoked", "mapping=NotificationWelcomeMapping")
    dev.see("inbox ", "mail to=ada@example.com")


def test_any_tool_can_join_with_dev_env(dev: Dev) -> None:
    env = dev.env
    assert httpx.get(f"{env['API_URL']}/health").status_code == 200
    assert httpx.get(env["INBOX_URL"]).status_code == 200
    with psycopg.connect(env["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT count(*) FROM users").fetchone() is not None
    with redis.Redis.from_url(env["REDIS_URL"]) as client:
        assert client.ping()
    topics = AdminClient({"bootstrap.servers": env["KAFKA_BOOTSTRAP_SERVERS"]}).list_topics(
        timeout=10
    )
    assert USER_REGISTER in topics.topics
    assert (dev.folder / ".local" / "dev.env").stat().st_mode & 0o077 == 0


def test_a_second_one_says_that_the_first_runs(dev: Dev) -> None:
    second = Dev(dev.folder)
    assert second.wait() == 2
    assert "running here already" in second.screen
    assert dev.env["API_URL"] in second.screen


def test_it_does_not_colour_what_is_not_a_terminal(dev: Dev) -> None:
    assert "\x1b" not in dev.screen


@pytest.mark.parametrize(
    ("file", "restarted"),
    [
        ("functions/gateway/__init__.py", {"gateway"}),
        ("functions/user/__init__.py", {"user"}),
        ("layers/shared/__init__.py", {"gateway", "user", "notification"}),
    ],
)
def test_changed_code_runs(dev: Dev, file: str, restarted: set[str]) -> None:
    before, seen = dev.pids, len(dev.lines)
    with (dev.folder / file).open("a") as code:
        code.write(f"print('{file} is new', flush=True)\n")
    dev.see_ready_again(restarted, seen)
    assert {name for name, pid in dev.pids.items() if pid != before[name]} == restarted
    for name in restarted:
        assert f"{file} is new" in (dev.folder / ".local" / "logs" / f"{name}.log").read_text()
    ready = f"{dev.env['API_URL']}/health/ready"  # a gateway may be there before the user function
    eventually(lambda: httpx.get(ready).status_code == 200)


def test_a_template_that_an_editor_puts_in_the_place_of_the_old_is_read(dev: Dev) -> None:
    template = dev.folder / "template.yaml"
    for _ in range(2):
        seen = len(dev.lines)
        saved = template.with_suffix(".saved")
        saved.write_text(template.read_text() + "# saved\n")
        saved.rename(template)
        dev.see_ready_again({"user", "notification"}, seen)


def test_broken_code_is_shown_and_mended_code_runs(dev: Dev) -> None:
    path = dev.folder / "functions" / "gateway" / "app.py"
    good = path.read_text()
    path.write_text("no python\n" + good)
    dev.see("gateway ", "SyntaxError")
    path.write_text(good)
    eventually(lambda: httpx.get(f"{dev.env['API_URL']}/health/ready").status_code == 200, 30)


def test_a_worker_that_dies_is_started_again(dev: Dev) -> None:
    dev.child("notification").kill()
    dev.see("dev ", "notification ended (-9); again in 0.5 s")
    dev.see("dev ", "notification is ready again")


def test_a_broker_that_dies_takes_nothing_with_it(dev: Dev) -> None:
    before = dev.env["KAFKA_BOOTSTRAP_SERVERS"]
    dev.child("broker").kill()
    dev.see("dev ", "broker is ready again")
    eventually(lambda: dev.env["KAFKA_BOOTSTRAP_SERVERS"] != before)
    eventually(lambda: _login(dev) == 200, 30)


def test_ctrl_c_ends_everything_and_what_was_kept_is_there_again(folder: Path, dev: Dev) -> None:
    children, env = dev.children(), dev.env
    assert dev.interrupt() == 0
    assert not any(each.is_running() for each in children)
    for url in (env["API_URL"], env["INBOX_URL"], env["SMTP_URL"], env["DATABASE_URL"]):
        assert ports.is_free(urlsplit(url).port or 0), url
    assert not (folder / ".local" / "dev.env").exists()

    again = Dev(folder)
    again.see("Ready in")
    assert "creating the database" not in again.screen
    assert _login(again) == 200
    assert _GRACE["email"] in _receivers(again)
    again.close()


def test_kill_9_leaves_no_process(folder: Path) -> None:
    dev = Dev(folder)
    dev.see("Ready in")
    children = dev.children()
    dev.process.kill()
    assert dev.wait() == -signal.SIGKILL
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not [each for each in alive if each.status() != psutil.STATUS_ZOMBIE]


def test_a_folder_that_cannot_be_used_is_named_with_the_way_out() -> None:
    with tempfile.TemporaryDirectory(prefix="dev-") as name:
        folder = copy_project(Path(name))
        (folder / ".local").touch()
        dev = Dev(folder)
        assert dev.wait() == 2
    assert "Traceback" not in dev.screen
    assert ".local" in dev.lines[0]
    assert "make dev-reset" in dev.lines[-1]


def test_a_service_that_cannot_read_its_data_says_so_with_the_way_out() -> None:
    with tempfile.TemporaryDirectory(prefix="dev-") as name:
        folder = copy_project(Path(name))
        append_only = folder / ".local" / "redis" / "appendonlydir"
        append_only.mkdir(parents=True)
        (append_only / "appendonly.aof.manifest").write_text("garbage")
        dev = Dev(folder)
        assert dev.wait() == 1
    assert "Traceback" not in dev.screen
    dev.see("dev ", "make dev-reset")


@pytest.mark.parametrize("variable", ["PORT", "INBOX_PORT", "SMTP_PORT"])
def test_a_port_in_use_is_named_with_its_variable(folder: Path, variable: str) -> None:
    with socket.create_server((ports.HOST, 0)) as taken:
        number = taken.getsockname()[1]
        dev = Dev(folder, **{variable: str(number)})
        assert dev.wait() == 2
    assert f"Port {number} is in use" in dev.lines[-1]
    assert f"{variable}=" in dev.lines[-1]


def test_a_port_that_is_no_number_is_named_with_its_variable(folder: Path) -> None:
    dev = Dev(folder, PORT="http")
    assert dev.wait() == 2
    assert "PORT" in dev.screen


def _receivers(dev: Dev) -> set[str]:
    mails = httpx.get(f"{dev.env['INBOX_URL']}/api/v1/messages").json()["messages"]
    return {mail["To"][0]["Address"] for mail in mails}


def _login(dev: Dev) -> int:
    return httpx.post(
        f"{dev.env['API_URL']}/api/v1/auth/login", json=_GRACE, timeout=PATIENCE_S
    ).status_code
