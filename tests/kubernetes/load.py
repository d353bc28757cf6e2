"""People who register, sign in and read their profiles while something is done to the cluster."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event, Lock, Thread
from typing import Final, Self
from uuid import uuid4

import httpx

from tests.person import AUTH, PASSWORD
from tests.services import client_of, eventually

_THINK_S: Final = 0.1


class Load:
    """Some people at once, from entering the block until leaving it.

    Attributes:
        answered: how many requests were.
        lost: what went otherwise, in words.
        registered: the addresses whose registration was acknowledged.
    """

    def __init__(self, url: str, people: int) -> None:
        self._url = url
        self._stopped = Event()
        self._lock = Lock()
        self.answered = 0
        self.lost: list[str] = []
        self.registered: list[str] = []
        self._threads = [Thread(target=self._live, daemon=True) for _ in range(people)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def wait_answered(self, more: int) -> None:
        """Wait until so many further requests were."""
        enough = self.answered + more
        eventually(lambda: self.answered >= enough or self.lost, 60)

    def _live(self) -> None:
        while not self._stopped.is_set():
            with client_of(self._url) as http:  # each story has an address of its own
                for problem in self._story(http):
                    with self._lock:
                        self.lost.append(problem)
            self._stopped.wait(_THINK_S)

    def _story(self, http: httpx.Client) -> Iterator[str]:
        who = {"email": f"{uuid4().hex[:12]}@example.com", "password": PASSWORD}
        try:
            registered = self._note(http.post(f"{AUTH}/register", json=who), 201)
            with self._lock:
                self.registered.append(who["email"])
            token = {"authorization": f"Bearer {registered.json()['accessToken']}"}
            for _ in range(3):
                self._note(http.get(f"{AUTH}/profile", headers=token), 200)
            self._note(http.post(f"{AUTH}/login", json=who), 200)
        except (AssertionError, httpx.TransportError) as error:
            yield repr(error)

    def _note(self, answer: httpx.Response, status: int) -> httpx.Response:
        asked = f"{answer.request.method} {answer.request.url.path}"
        assert answer.status_code == status, f"{asked} {answer.status_code} {answer.text}"
        with self._lock:
            self.answered += 1
        return answer
