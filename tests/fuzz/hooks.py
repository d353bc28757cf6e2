"""How the fuzzer signs in: as a new person now and then, since its requests also delete accounts.

Loaded by schemathesis, in an environment where nothing of the project is installed.
"""

from __future__ import annotations

import itertools
import json
import os
import threading
import urllib.request
from typing import Any

import schemathesis  # type: ignore[import-not-found] # it has an environment of its own

_USES = 5
_PASSWORD = "correct horse battery"
_numbers = itertools.count(1)


@schemathesis.auth(refresh_interval=None)
class NewPeople:
    """A bearer token of a person who registered a few requests ago."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._token = ""
        self._uses = 0

    def get(self, case: Any, context: Any) -> str:
        with self._lock:
            if self._uses % _USES == 0:
                self._token = _register()
            self._uses += 1
            return self._token

    def set(self, case: Any, data: str, context: Any) -> None:
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}


def _register() -> str:
    email = f"fuzz.{os.getpid()}.{next(_numbers)}@example.org"
    request = urllib.request.Request(
        f"{os.environ['API_URL']}/api/v1/auth/register",
        json.dumps({"email": email, "password": _PASSWORD}).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        token: str = json.load(answer)["accessToken"]
        return token
