"""A person with an account, their devices and their mailbox, for every test of accounts."""

from __future__ import annotations

import itertools
import re
from typing import Any

import httpx

from tests.services import Inbox, System

AUTH = "/api/v1/auth"
PASSWORD = "correct horse battery"
_numbers = itertools.count(1)
_TOKEN = re.compile(r"[?&]token=([A-Za-z0-9_-]+)")


def register(client: httpx.Client, email: str, **body: Any) -> httpx.Response:
    """Register an address with :data:`PASSWORD`."""
    return client.post(f"{AUTH}/register", json={"email": email, "password": PASSWORD, **body})


def login(client: httpx.Client, email: str, password: str = PASSWORD) -> httpx.Response:
    """Sign in."""
    return client.post(f"{AUTH}/login", json={"email": email, "password": password})


def bearer(signed_in: httpx.Response) -> dict[str, str]:
    """Return the header of a request with the access token of an answer."""
    return {"authorization": f"Bearer {signed_in.json()['accessToken']}"}


class Device:
    """One signed-in device.

    Attributes:
        tokens: the body that signed it in, or refreshed it last.
    """

    def __init__(self, client: httpx.Client, tokens: dict[str, Any]) -> None:
        self._client = client
        self.tokens = tokens

    def __call__(self, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.tokens['accessToken']}"}
        return self._client.request(method, AUTH + path, json=body, headers=headers)

    @property
    def refresh_token(self) -> str:
        token: str = self.tokens["refreshToken"]
        return token

    @property
    def session_id(self) -> str:
        found = [each for each in self("GET", "/sessions").json()["sessions"] if each["current"]]
        session_id: str = found[0]["id"]
        return session_id

    def refresh(self, token: str | None = None) -> httpx.Response:
        body = {"refreshToken": token or self.refresh_token}
        answer = self._client.post(f"{AUTH}/refresh", json=body)
        if answer.status_code == 200:
            self.tokens = answer.json()
        return answer


class Person:
    """A person who registers at once, on one device, and has an address of their own."""

    def __init__(self, system: System, inbox: Inbox, name: str | None = "Ada") -> None:
        self.email = f"Someone.{next(_numbers)}@example.org"
        self.password = PASSWORD
        self.inbox = inbox
        self.client = system.client()
        body = {"email": self.email, "password": PASSWORD, "name": name}
        self.registered = self.client.post(f"{AUTH}/register", json=body)

    @property
    def device(self) -> Device:
        """The device of the registration."""
        assert self.registered.status_code == 201, self.registered.text
        return Device(self.client, self.registered.json())

    @property
    def user_id(self) -> str:
        user_id: str = self.registered.json()["user"]["id"]
        return user_id

    def post(self, path: str, body: Any, client: httpx.Client | None = None) -> httpx.Response:
        """Ask without being signed in."""
        return (client or self.client).post(AUTH + path, json=body)

    def login(
        self, password: str | None = None, client: httpx.Client | None = None
    ) -> httpx.Response:
        body = {"email": self.email, "password": password or self.password}
        return self.post("/login", body, client)

    def sign_in(self, client: httpx.Client | None = None) -> Device:
        """Another device."""
        answer = self.login(client=client)
        assert answer.status_code == 200, answer.text
        return Device(client or self.client, answer.json())

    def mail(self, subject: str, to: str | None = None) -> dict[str, Any]:
        """Wait for the newest mail with these words in its subject."""
        receiver = to or self.email
        return self.inbox.wait_for(
            lambda mail: (
                subject in mail["Subject"]
                and receiver.lower() in {who["Address"].lower() for who in mail["To"]}
            )
        )

    def mailed_token(self, subject: str, to: str | None = None) -> str:
        """Return the token in a mail: the same in its text and its HTML."""
        mail = self.mail(subject, to)
        in_text, in_html = _TOKEN.findall(mail["Text"]), _TOKEN.findall(mail["HTML"])
        assert in_text
        assert set(in_text) == set(in_html)
        token: str = in_text[0]
        return token


def code(answer: httpx.Response) -> str:
    """Return the code of a problem."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    kind: str = answer.json()["type"]
    return kind.rpartition(":")[2]


def refused(answer: httpx.Response) -> tuple[int, str]:
    """Return status and code of a problem."""
    return answer.status_code, code(answer)
