"""Real services and a real system for tests, each started at most once a session."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any, Protocol, TypeVar, runtime_checkable

import httpx

from local import environment, ports, programs
from local.environment import Addresses
from local.keys import Keys
from local.process import Command, Group, Process
from local.project import FUNCTIONS, GATEWAY

_T = TypeVar("_T")

# Longer than anything here takes on the busiest machine: what has not come by then never will.
PATIENCE_S = 60.0
_clients = itertools.count(1)
_CHEAP = {"BCRYPT_COST": "4"}  # the lowest that bcrypt has


def eventually(
    condition: Callable[[], _T | None], timeout: float = PATIENCE_S, every: float = 0.02
) -> _T:
    """Ask until the answer is true, and return it.

    Args:
        condition: an AssertionError or an httpx error in it counts as "not yet".
        timeout: seconds, after which the last error is raised.
        every: seconds between two attempts.
    """
    deadline = time.monotonic() + timeout
    while True:
        reason: Exception | None = None
        try:
            answer = condition()
            if answer:
                return answer
        except (AssertionError, httpx.TransportError) as error:
            reason = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {condition}") from reason
        time.sleep(every)


@runtime_checkable
class Heard(Protocol):
    """Something that runs processes, and keeps every line each has written, by its name."""

    @property
    def output(self) -> Mapping[str, list[str]]: ...


class Inbox:
    """What the system has mailed.

    Attributes:
        url: of the page and of Mailpit's JSON paths.
        smtp_url: where mail is sent to.
    """

    def __init__(self, url: str, smtp_url: str) -> None:
        self.url, self.smtp_url = url, smtp_url
        self._http = httpx.Client(base_url=url, timeout=PATIENCE_S)

    def messages(self) -> list[dict[str, Any]]:
        """Mailpit's message summaries, newest first."""
        found: list[dict[str, Any]] = self._get("/api/v1/messages?limit=500")["messages"]
        return found

    def message(self, mail_id: str) -> dict[str, Any]:
        """One mail whole, with ``HTML`` and ``Text``."""
        return self._get(f"/api/v1/message/{mail_id}")

    def to(self, address: str) -> list[dict[str, Any]]:
        """The summaries of what went to one address, newest first."""
        return [each for each in self.messages() if address in _receivers(each)]

    def wait_for(
        self, predicate: Callable[[dict[str, Any]], object], timeout: float = PATIENCE_S
    ) -> dict[str, Any]:
        """Wait for a mail whose summary the predicate takes, and return the mail whole."""
        found = eventually(lambda: list(filter(predicate, self.messages())), timeout)
        return self.message(found[0]["ID"])

    def wait_for_mail(self, address: str, subject: str = "") -> dict[str, Any]:
        """Wait for a mail to this address with these words in its subject."""
        return self.wait_for(
            lambda each: address in _receivers(each) and subject in each["Subject"]
        )

    def clear(self) -> None:
        """Delete all mails."""
        self._http.delete("/api/v1/messages").raise_for_status()

    def close(self) -> None:
        self._http.close()

    def _get(self, path: str) -> dict[str, Any]:
        answer: dict[str, Any] = self._http.get(path).raise_for_status().json()
        return answer


class System:
    """The gateway and the functions as processes: ``gateway``, ``user``, ``notification``.

    Args:
        addresses: the services; ``api`` is replaced by where this gateway listens.
        keys: of the whole system.
        inbox: where its mails arrive.
        variables: beside or instead of the usual ones, for every process.

    Attributes:
        url: the base URL of the API.
        output: every line a process has written, by its name; for messages of failing tests and
            for looking into logs.
    """

    def __init__(
        self, addresses: Addresses, keys: Keys, inbox: Inbox, variables: Mapping[str, str] = _CHEAP
    ) -> None:
        port = ports.any_free()
        self.url = f"http://{ports.HOST}:{port}"
        self.addresses, self.keys, self.inbox = addresses._replace(api=self.url), keys, inbox
        self.output: dict[str, list[str]] = {}
        self._commands = _commands(self.addresses, keys, port, variables)
        self._processes: dict[str, Process] = {}
        self._stack = ExitStack()
        self._http = self._stack.enter_context(httpx.Client(base_url=self.url, timeout=30))
        self._group = self._stack.enter_context(Group())

    @property
    def pids(self) -> dict[str, int]:
        """The process ids by name; what was killed is not in it."""
        return {name: each.pid for name, each in self._processes.items()}

    def start(self, *names: str) -> None:
        """Start processes, all of them by default, and wait until the gateway calls it ready."""
        names = names or tuple(self._commands)
        for name in names:
            heard = self.output.setdefault(name, [])
            self._processes[name] = Process(self._commands[name], self._group, heard.append)
        for name in names:
            self._processes[name].wait_ready(PATIENCE_S)
        self.wait_ready()

    def kill(self, name: str) -> None:
        """``kill -9`` one process."""
        self._processes.pop(name).kill()

    def stop(self, name: str) -> None:
        """End one process in good order, so that its consumers leave their groups."""
        self._processes.pop(name).stop()

    def restart(self, name: str) -> None:
        """Start a process again, after ending it when it still runs."""
        if name in self._processes:
            self.stop(name)
        self.start(name)

    def wait_ready(self, timeout: float = PATIENCE_S) -> None:
        """Wait until ``GET /health/ready`` says 200."""
        eventually(self._is_ready, timeout, every=0.1)

    def client(self) -> httpx.Client:
        """An HTTP client with an address of its own, so that no other's requests count for it."""
        return client_of(self.url)

    def close(self) -> None:
        """End all processes."""
        for name in list(self._processes):
            self.stop(name)
        self._stack.close()

    def _is_ready(self) -> bool:
        dead = [name for name, each in self._processes.items() if each.exit_code is not None]
        if dead:
            said = "\n".join(self.output[dead[0]])
            raise RuntimeError(f"{dead[0]} has ended:\n{said}")
        answer = self._http.get("/health/ready")
        assert answer.status_code == 200, answer.text
        return True


def client_of(url: str) -> httpx.Client:
    """A client of a gateway that trusts ``X-Forwarded-For``; each has an address of its own."""
    number = next(_clients)
    address = f"198.18.{number >> 8 & 255}.{number & 255}"  # RFC 2544's, for tests
    return httpx.Client(base_url=url, timeout=30, headers={"x-forwarded-for": address})


def migrate(database_url: str, group: Group) -> None:
    """Bring the database to the newest schema."""
    process = Process(programs.migration(environment.for_migration(database_url)), group)
    eventually(lambda: process.exit_code is not None, PATIENCE_S)
    assert process.exit_code == 0, "\n".join(process.last_lines)


def start(command: Command, group: Group) -> tuple[Process, dict[str, str]]:
    """Start a service, wait until it is ready, and return what its ready line told."""
    process = Process(command, group)
    return process, process.wait_ready(PATIENCE_S).groupdict()


def _commands(
    addresses: Addresses, keys: Keys, port: int, variables: Mapping[str, str]
) -> dict[str, Command]:
    return {
        GATEWAY: programs.gateway({**environment.for_gateway(addresses, keys, port), **variables}),
        **{
            name: programs.worker(
                name, {**environment.for_function(name, addresses, keys), **variables}
            )
            for name in FUNCTIONS
        },
    }


def _receivers(summary: Mapping[str, Any]) -> set[str]:
    return {who["Address"] for kind in ("To", "Cc", "Bcc") for who in summary[kind]}
