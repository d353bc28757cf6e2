"""The overlay dev on the cluster of kubectl's context, reached as ``kubectl port-forward`` does."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Final

import httpx

from infra.kubernetes.secrets import NAMESPACE
from local.process import Command, Group
from tests.services import Inbox, client_of, start

_DEPLOYMENTS: Final = {
    "gateway": "gateway",
    "user": "user-service",
    "notification": "notification-service",
}
_FORWARDED: Final = r"Forwarding from (?P<address>127\.0\.0\.1:\d+) ->"


class Remote:
    """What runs on a cluster, with the surface of :class:`tests.services.System`.

    Attributes:
        url: the base URL of the API.
        inbox: where mails arrive.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        group = self._stack.enter_context(Group())
        self.url = self._forward("gateway", 80, group)
        self.inbox = Inbox(self._forward("inbox", 8025, group), "")

    def client(self) -> httpx.Client:
        """An HTTP client with an address of its own, so that no other's requests count for it."""
        return client_of(self.url)

    @property
    def output(self) -> Mapping[str, list[str]]:
        """Every line that the pods have written, by the name it has without containers, too."""
        return {short: self._logs(name) for short, name in _DEPLOYMENTS.items()}

    def close(self) -> None:
        """Forward nothing any more; the cluster stays as it is."""
        self.inbox.close()
        self._stack.close()

    def _forward(self, service: str, port: int, group: Group) -> str:
        """The base URL at this end of a way to a Service."""
        argv = ("kubectl", "port-forward", f"--namespace={NAMESPACE}", f"service/{service}")
        command = Command(f"forward-{service}", (*argv, f":{port}"), os.environ, _FORWARDED)
        process, told = start(command, group)
        self._stack.callback(process.stop)
        return f"http://{told['address']}"

    def _logs(self, name: str) -> list[str]:
        of_all = ("--selector", f"app.kubernetes.io/name={name}", "--tail=-1", "--prefix=false")
        logs = ["kubectl", "logs", f"--namespace={NAMESPACE}", *of_all]
        return subprocess.run(logs, check=True, capture_output=True, text=True).stdout.splitlines()
