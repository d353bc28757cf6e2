"""The load: people who register, sign in, change their names, forget passwords. Seeded."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from threading import Event, Lock, Thread
from typing import Any, Self

import httpx

from tests.faults.postbox import Postbox
from tests.person import AUTH
from tests.services import eventually

_PATIENCE_S = 20  # of an HTTP client, longer than the gateway's
_MAIL_S = 2.0
_THINK_S = (0.05, 0.25)
_REFUSED = frozenset({429, 503, 504})  # told that it did not happen, or may not have
_addresses = count(1)


@dataclass
class Tried:
    """One thing asked for, and whether it was acknowledged."""

    value: str
    acknowledged: bool


@dataclass
class Account:
    """What one person knows of their account."""

    email: str
    registered: bool = False
    names: list[Tried] = field(default_factory=list)
    passwords: list[Tried] = field(default_factory=list)
    forgotten: list[Tried] = field(default_factory=list)
    sign_ins: list[Tried] = field(default_factory=list)

    def possible(self, tried: list[Tried]) -> set[str]:
        """What may hold now: the last acknowledged value, or one tried after it."""
        last = max(index for index, each in enumerate(tried) if each.acknowledged)
        return {each.value for each in tried[last:]}


@dataclass
class Said:
    """What the system has answered to everybody."""

    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    lock: Lock = field(default_factory=Lock)

    def note(self, outcome: str, seconds: float, *, wrong: str = "") -> None:
        """Count one answer."""
        with self.lock:
            self.outcomes[outcome] += 1
            self.slowest_s = max(self.slowest_s, seconds)
            if wrong:
                self.wrong[wrong] += 1


class Person:
    """One client: a request after the other, a new account when a story has ended."""

    def __init__(self, url: str, postbox: Postbox, said: Said, seed: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=_PATIENCE_S, verify=False, trust_env=False)
        self._postbox, self._said, self._seed = postbox, said, seed
        self._random = random.Random(seed)
        self._headers: dict[str, str] = {}
        self.accounts: list[Account] = []

    def live(self, stopped: Event) -> None:
        """One story after the other."""
        with self._http:
            while not stopped.is_set():
                self._story(stopped)
                stopped.wait(self._random.uniform(*_THINK_S))

    def _story(self, stopped: Event) -> None:
        number = next(_addresses)
        self._headers = {"x-forwarded-for": f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"}
        account = Account(f"{self._seed}-{len(self.accounts)}@example.com")
        self.accounts.append(account)
        self._register(account)
        if not account.registered:
            return
        steps: list[Callable[[Account], None]] = [
            self._rename, self._rename, self._read, self._sign_in, self._reset,
        ]  # fmt: skip
        for step in self._random.sample(steps, k=self._random.randint(2, len(steps))):
            stopped.wait(self._random.uniform(*_THINK_S))
            if stopped.is_set() or not self._headers.get("authorization"):
                return
            step(account)

    def _register(self, account: Account) -> None:
        body = {"email": account.email, "password": self._secret(), "name": self._name()}
        answer = self._ask("POST", "/register", body)
        account.registered = answer is not None
        account.names.append(Tried(body["name"], account.registered))
        account.passwords.append(Tried(body["password"], account.registered))
        account.sign_ins.append(Tried("", account.registered))
        self._take_token(answer)

    def _sign_in(self, account: Account) -> None:
        (password, *others) = account.possible(account.passwords)
        if others:
            return  # a reset was not answered: either may be right
        answer = self._ask("POST", "/login", {"email": account.email, "password": password})
        account.sign_ins.append(Tried("", answer is not None))
        self._take_token(answer)

    def _rename(self, account: Account) -> None:
        name = self._name()
        answer = self._ask("PATCH", "/profile", {"name": name})
        account.names.append(Tried(name, answer is not None))

    def _read(self, account: Account) -> None:
        answer = self._ask("GET", "/profile")
        if answer is not None and answer.json()["name"] not in account.possible(account.names):
            self._said.note("acknowledged", 0, wrong="an old profile")

    def _reset(self, account: Account) -> None:
        before = len(self._postbox.to(account.email, "reset"))
        answer = self._ask("POST", "/password/forgot", {"email": account.email})
        account.forgotten.append(Tried("", answer is not None))
        if answer is None:
            return
        try:
            mails = eventually(
                lambda: self._postbox.to(account.email, "reset")[before:], timeout=_MAIL_S
            )
        except AssertionError:
            return  # it comes later
        password = self._secret()
        answer = self._ask(
            "POST", "/password/reset", {"token": mails[0].token, "password": password}
        )
        account.passwords.append(Tried(password, answer is not None))
        self._headers.pop("authorization", None)  # all sessions have ended
        if answer is not None:
            self._sign_in(account)

    def _ask(self, method: str, path: str, body: Any = None) -> httpx.Response | None:
        """The response, when the request was acknowledged."""
        begun = time.monotonic()
        try:
            answer = self._http.request(method, AUTH + path, json=body, headers=self._headers)
        except httpx.TransportError:
            self._said.note("unanswered", time.monotonic() - begun)
            return None
        took = time.monotonic() - begun
        if answer.is_success:
            self._said.note("acknowledged", took)
            return answer
        wrong = "" if answer.status_code in _REFUSED else f"{method} {path} {answer.status_code}"
        self._said.note("refused", took, wrong=wrong)
        return None

    def _take_token(self, answer: httpx.Response | None) -> None:
        if answer is not None:
            self._headers["authorization"] = f"Bearer {answer.json()['accessToken']}"

    def _name(self) -> str:
        return f"Person {self._random.randrange(10**6)}"

    def _secret(self) -> str:
        return f"correct horse {self._random.randrange(10**9):09}"


class Crowd:
    """Some people at once, from entering the block until :meth:`leave`."""

    def __init__(self, url: str, postbox: Postbox, seed: str, size: int) -> None:
        self.said = Said()
        self._people = [Person(url, postbox, self.said, f"{seed}-{n}") for n in range(size)]
        self._stopped = Event()
        self._threads = [
            Thread(target=each.live, args=(self._stopped,), daemon=True) for each in self._people
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    @property
    def accounts(self) -> list[Account]:
        """Of all of them."""
        return [account for person in self._people for account in person.accounts]

    def wait_acknowledged(self, more: int, timeout: float) -> None:
        """Wait until so many further requests were acknowledged."""
        enough = self.said.outcomes["acknowledged"] + more
        eventually(lambda: self.said.outcomes["acknowledged"] >= enough, timeout)

    def leave(self) -> None:
        """Everybody ends what they are at."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()
