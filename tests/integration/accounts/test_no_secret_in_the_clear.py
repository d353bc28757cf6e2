"""Every flow is run, and then all that it left behind is read: no secret is in it."""

from __future__ import annotations

import itertools
from base64 import b64encode

import pytest

from local.environment import Addresses
from local.keys import Keys
from tests.integration.accounts import traces
from tests.integration.accounts.systems import running
from tests.integration.accounts.test_second_factor import code_of, wrong
from tests.person import Device, Person
from tests.services import Inbox, System

FIRST = 'first "pässword" & 100% of it'
SECOND = "second/password+with=signs"
THIRD = "third password, after a reset"
COMMANDS = ("register", "validate", "find", "update", "session", "delete")
WRONG = "a wrong password that somebody typed"


class Flows:
    """A person does everything there is; ``secrets`` is what they, and their devices, know."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.secrets: set[str] = {FIRST, SECOND, THIRD, WRONG}
        self.device = self._kept(person.device)

    def run(self) -> None:
        self._verify()
        self._sessions()
        self._password()
        self._second_factor()
        self._email()

    def _kept(self, device: Device) -> Device:
        self.secrets |= {device.refresh_token, device.tokens["accessToken"]}
        return device

    def _mailed(self, subject: str, to: str | None = None) -> str:
        token = self.person.mailed_token(subject, to)
        self.secrets.add(token)
        return token

    def _verify(self) -> None:
        self.person.post("/email/verify", {"token": self._mailed("Welcome")})

    def _sessions(self) -> None:
        self.person.login(WRONG)
        other = self._kept(self.person.sign_in())
        spent = self.device.refresh_token
        for _ in range(2):
            assert self.device.refresh().status_code == 200
            self._kept(self.device)
        assert self.device.refresh(spent).status_code == 401
        other("POST", "/logout", {"refreshToken": other.refresh_token})
        self.device = self._kept(self.person.sign_in())

    def _password(self) -> None:
        change = {"currentPassword": FIRST, "newPassword": SECOND}
        assert self.device("POST", "/password/change", change).status_code == 204
        self.person.post("/password/forgot", {"email": self.person.email})
        reset = {"token": self._mailed("Choose a new password"), "password": THIRD}
        assert self.person.post("/password/reset", reset).status_code == 204
        self.person.password = THIRD
        self.device = self._kept(self.person.sign_in())

    def _second_factor(self) -> None:
        secret = self.device("POST", "/totp/enrol", {"password": THIRD}).json()["secret"]
        first, second, no = code_of(secret, -1), code_of(secret), wrong(secret)
        confirmed = self.device("POST", "/totp/confirm", {"code": first}).json()
        self.secrets |= {secret, first, second, no, *confirmed["recoveryCodes"]}
        for code in (no, second, confirmed["recoveryCodes"][0]):
            challenge = self.person.login().json()["challengeToken"]
            self.secrets.add(challenge)
            body = {"challengeToken": challenge, "code": code}
            answer = self.person.post("/totp/challenge", body)
            assert answer.status_code == (401 if code == no else 200)
        renewed = self.device("POST", "/totp/recovery-codes", {"password": THIRD}).json()
        self.secrets |= set(renewed["recoveryCodes"])
        assert self.device("POST", "/totp/off", {"password": THIRD}).status_code == 204

    def _email(self) -> None:
        address = f"new.{self.person.email}"
        self.device("PATCH", "/profile", {"email": address, "password": THIRD})
        self.person.post("/email/verify", {"token": self._mailed("Confirm", to=address)})

    def end(self) -> None:
        assert self.device("GET", "/export").status_code == 200
        assert self.device("DELETE", "/profile", {"password": WRONG}).status_code == 401
        assert self.device("DELETE", "/profile", {"password": THIRD}).status_code == 204


@pytest.mark.parametrize("sign_up", ["open", "private"])
def test_nothing_that_is_left_behind_tells_a_secret(
    alone: Addresses, keys: Keys, inbox: Inbox, sign_up: str
) -> None:
    with running(alone, keys, inbox, SIGN_UP=sign_up, LOG_LEVEL="DEBUG") as system:
        flows = _registered(system, inbox, sign_up)
        flows.run()
        found = _all_traces(system)
        flows.end()
        found += _all_traces(system)
        flows.person.client.close()

    email = flows.person.email.lower()
    places = {place.partition("[")[0] for place, _ in found}
    assert {
        "user.register",
        "user.validate",
        "user.update",
        "user.session",
        "user.delete",
    } <= places
    assert {"log of gateway", "log of user", "log of notification"} <= places
    assert {"table users", "table audit_events", "table processed_messages"} <= places
    assert len(flows.secrets) > 30
    told = {place.partition("[")[0] for place, trace in found if traces.finds(email, trace)}
    assert {"user.register", "table users"} <= told  # what is no secret is found
    leaks = [
        (place, secret)
        for (place, trace), secret in itertools.product(found, flows.secrets)
        if traces.finds(secret, trace)
    ]
    assert leaks == []


def _registered(system: System, inbox: Inbox, sign_up: str) -> Flows:
    person = Person(system, inbox)
    if sign_up == "private":
        # Its registration opens no session; the rest is the same.
        person.post("/email/verify", {"token": person.mailed_token("Welcome")})
        person.registered = person.login()
        person.registered.status_code = 201
    flows = Flows(person)
    change = {"currentPassword": person.password, "newPassword": FIRST}
    assert flows.device("POST", "/password/change", change).status_code == 204
    person.password = FIRST
    return flows


def _all_traces(system: System) -> list[traces.Trace]:
    addresses = system.addresses
    return [
        *traces.records(addresses.kafka),
        *traces.log_lines(system),
        *traces.rows(addresses.database),
        *traces.redis_values(addresses.redis),
    ]


@pytest.mark.parametrize(
    "trace",
    [
        b"...secret/one+two...",
        b"...SECRET/ONE+TWO...",
        b"?token=secret%2Fone%2Btwo&",
        b"73656372657" + b"42f6f6e652b74776f",
        *(b64encode(b"x" * before + b"secret/one+two" + b"tail") for before in range(3)),
    ],
)
def test_a_secret_is_found_in_every_form(trace: bytes) -> None:
    assert traces.finds("secret/one+two", trace)


@pytest.mark.parametrize(
    ("trace", "found"),
    [
        (b'{"code":"123456"}', True),
        (b"code=123456 ", True),
        (b"10:00:00.123456Z", False),
        (b"a7123456", False),
    ],
)
def test_a_code_is_found_where_it_is_one(trace: bytes, found: bool) -> None:
    assert traces.finds("123456", trace) is found
