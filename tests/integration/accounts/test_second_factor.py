"""The second factor: codes from a device (RFC 6238), each good once, and recovery codes."""

from __future__ import annotations

import time
from base64 import b32decode
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import psycopg
import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from psycopg.rows import TupleRow

from tests.person import PASSWORD, Device, Person, refused
from tests.services import eventually

Database = psycopg.Connection[TupleRow]


def code_of(secret: str, steps: int = 0) -> str:
    """Return what the app shows now, or so many steps of 30 seconds from now.

    The code before this one is still taken, but no longer when the next step has begun: it is not
    made in the last seconds of a step.
    """
    if steps < 0:
        eventually(lambda: time.time() % 30 < 25)
    generator = TOTP(b32decode(secret), 6, SHA1(), 30)
    return generator.generate(int(time.time()) + 30 * steps).decode()


def wrong(secret: str) -> str:
    """Six digits that are no code near now."""
    near = {code_of(secret, steps) for steps in range(-2, 3)}
    return next(digits for digits in map("{:06d}".format, range(10)) if digits not in near)


class Protected:
    """A person whose second factor is on. The code of the last step is used up by that."""

    def __init__(self, person: Person) -> None:
        self.person = person
        enrolled = person.device("POST", "/totp/enrol").json()
        self.secret: str = enrolled["secret"]
        self.uri: str = enrolled["uri"]
        confirmed = person.device("POST", "/totp/confirm", {"code": code_of(self.secret, -1)})
        assert confirmed.status_code == 200, confirmed.text
        self.recovery_codes: list[str] = confirmed.json()["recoveryCodes"]

    def challenge(self) -> str:
        answer = self.person.login()
        assert answer.status_code == 200
        token: str = answer.json()["challengeToken"]
        return token

    def answer(self, code: str, challenge: str | None = None) -> httpx.Response:
        body = {"challengeToken": challenge or self.challenge(), "code": code}
        return self.person.post("/totp/challenge", body)


@pytest.fixture
def protected(person: Person) -> Protected:
    return Protected(person)


def test_login_answers_with_a_challenge_and_a_code_signs_in(protected: Protected) -> None:
    first = protected.person.login().json()
    assert set(first) == {"challenge", "challengeToken", "expiresIn"}
    assert first["challenge"] == "totp"

    answer = protected.answer(code_of(protected.secret), first["challengeToken"])

    assert answer.status_code == 200
    device = Device(protected.person.client, answer.json())
    assert device("GET", "/profile").json()["id"] == protected.person.user_id
    assert device.refresh().status_code == 200
    assert "code from your device" in protected.person.mail("second factor is on")["Text"]


def test_the_uri_is_what_apps_read(protected: Protected) -> None:
    uri = urlsplit(protected.uri)

    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    assert uri.path == f"/user-services:{protected.person.email}"
    assert parse_qs(uri.query) == {"secret": [protected.secret], "issuer": ["user-services"]}
    assert len(b32decode(protected.secret)) == 20


def test_a_code_is_good_once(protected: Protected) -> None:
    code = code_of(protected.secret)
    assert protected.answer(code).status_code == 200

    assert refused(protected.answer(code)) == (401, "wrong-code")


def test_a_challenge_is_good_once(protected: Protected) -> None:
    challenge = protected.challenge()
    assert protected.answer(code_of(protected.secret), challenge).status_code == 200

    again = protected.answer(protected.recovery_codes[0], challenge)

    assert refused(again) == (400, "invalid-token")


def test_codes_of_another_time_are_refused(protected: Protected) -> None:
    assert refused(protected.answer(code_of(protected.secret, 3))) == (401, "wrong-code")


def test_wrong_codes_use_a_challenge_up(protected: Protected) -> None:
    challenge = protected.challenge()
    answers = [protected.answer(wrong(protected.secret), challenge) for _ in range(6)]

    assert refused(answers[0]) == (401, "wrong-code")
    assert refused(answers[5]) == (400, "invalid-token")


def test_wrong_codes_make_the_next_wait_and_a_recovery_code_still_works(
    protected: Protected, database: Database
) -> None:
    for _ in range(4):
        protected.answer(wrong(protected.secret))

    too_soon = protected.answer(code_of(protected.secret))
    assert refused(too_soon) == (429, "too-many-attempts")
    assert int(too_soon.headers["retry-after"]) > 0

    assert protected.answer(protected.recovery_codes[0]).status_code == 200
    database.execute(
        "UPDATE second_factors SET retry_at = now() WHERE user_id = %s",
        (protected.person.user_id,),
    )
    assert protected.answer(code_of(protected.secret)).status_code == 200


def test_a_recovery_code_is_good_once_and_told_by_mail(protected: Protected) -> None:
    assert len(set(protected.recovery_codes)) == 10
    code = protected.recovery_codes[3]

    assert protected.answer(code.lower().replace("-", " ")).status_code == 200

    assert refused(protected.answer(code)) == (401, "wrong-code")
    assert protected.person.mail("recovery code was used")["Text"]


def test_new_recovery_codes_replace_the_old(protected: Protected) -> None:
    device = protected.person.device
    renewed = device("POST", "/totp/recovery-codes", {"password": PASSWORD})
    assert renewed.status_code == 200

    assert refused(protected.answer(protected.recovery_codes[0])) == (401, "wrong-code")
    assert protected.answer(renewed.json()["recoveryCodes"][0]).status_code == 200


def test_off_needs_the_password_and_then_the_password_signs_in(protected: Protected) -> None:
    device = protected.person.device

    no = device("POST", "/totp/off", {"password": "not the password"})
    assert refused(no) == (401, "invalid-credentials")
    assert device("POST", "/totp/off", {"password": PASSWORD}).status_code == 204

    assert "accessToken" in protected.person.login().json()
    assert refused(device("POST", "/totp/off", {"password": PASSWORD})) == (
        409,
        "second-factor-state",
    )
    assert protected.person.mail("second factor is off")["Text"]


def test_enrolling_changes_nothing_until_a_code_is_confirmed(person: Person) -> None:
    secret = person.device("POST", "/totp/enrol").json()["secret"]

    no = person.device("POST", "/totp/confirm", {"code": wrong(secret)})

    assert refused(no) == (401, "wrong-code")
    assert "accessToken" in person.login().json()


def test_it_cannot_be_replaced_while_it_is_on(protected: Protected) -> None:
    answer = protected.person.device("POST", "/totp/enrol")

    assert refused(answer) == (409, "second-factor-state")


def test_long_after_the_login_enrolling_needs_the_password(
    person: Person, database: Database
) -> None:
    database.execute(
        "UPDATE sessions SET signed_in_at = now() - interval '1 hour' WHERE user_id = %s",
        (person.user_id,),
    )

    assert refused(person.device("POST", "/totp/enrol")) == (403, "password-needed")
    with_password = person.device("POST", "/totp/enrol", {"password": PASSWORD})
    assert with_password.status_code == 200


def test_the_secret_is_sealed_where_it_is_stored(protected: Protected, database: Database) -> None:
    row: Any = database.execute(
        "SELECT f.secret::text, string_agg(c.hash, ' ') FROM second_factors f "
        "JOIN recovery_codes c USING (user_id) WHERE user_id = %s GROUP BY 1",
        (protected.person.user_id,),
    ).fetchone()

    stored = " ".join(row)
    assert protected.secret not in stored
    assert not any(code.replace("-", "") in stored for code in protected.recovery_codes)


def test_a_password_reset_ends_a_challenge_and_does_not_pass_by_the_second_factor(
    protected: Protected,
) -> None:
    person, challenge = protected.person, protected.challenge()
    person.post("/password/forgot", {"email": person.email})
    token = person.mailed_token("Choose a new password")
    person.post("/password/reset", {"token": token, "password": "another horse entirely"})

    answer = protected.answer(code_of(protected.secret), challenge)

    assert refused(answer) == (400, "invalid-token")
    assert "challengeToken" in person.login("another horse entirely").json()
