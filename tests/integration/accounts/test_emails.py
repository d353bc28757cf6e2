"""E-mail addresses: confirmed by what was mailed there, and changed the same way."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.rows import TupleRow

from tests.person import PASSWORD, Person, refused

Database = psycopg.Connection[TupleRow]

WELCOME = "Welcome"
CONFIRM = "Confirm your e-mail"


def new_address(person: Person) -> str:
    return f"new.{person.email.lower()}"


def test_the_welcome_mail_brings_the_token_that_confirms_the_address(person: Person) -> None:
    token = person.mailed_token(WELCOME)
    assert person.device("GET", "/profile").json()["emailVerified"] is False

    assert person.post("/email/verify", {"token": token}).status_code == 204

    assert person.device("GET", "/profile").json()["emailVerified"] is True
    assert refused(person.post("/email/verify", {"token": token})) == (400, "invalid-token")


@pytest.mark.parametrize("signed_in", [True, False])
def test_the_confirmation_can_be_mailed_again(person: Person, signed_in: bool) -> None:
    if signed_in:
        answer = person.device("POST", "/email/verify/resend")
    else:
        answer = person.post("/email/verify/resend", {"email": person.email})
    assert answer.status_code == 202

    token = person.mailed_token(CONFIRM)

    assert person.post("/email/verify", {"token": token}).status_code == 204
    assert person.device("GET", "/profile").json()["emailVerified"] is True


def test_resend_answers_the_same_for_nobody_and_for_the_verified(person: Person) -> None:
    person.post("/email/verify", {"token": person.mailed_token(WELCOME)})

    verified = person.post("/email/verify/resend", {"email": person.email})
    nobody = person.post("/email/verify/resend", {"email": f"un{person.email}"})

    assert (verified.status_code, verified.content) == (nobody.status_code, nobody.content)
    assert verified.status_code == 202


def test_resend_needs_to_know_to_whom(person: Person) -> None:
    assert refused(person.post("/email/verify/resend", {})) == (401, "not-authenticated")


def test_a_change_counts_once_the_new_address_confirms_it(person: Person) -> None:
    device, address = person.device, new_address(person)

    asked = device("PATCH", "/profile", {"email": address, "name": "Ada L."})
    assert asked.status_code == 200
    assert (asked.json()["email"], asked.json()["name"]) == (person.email, "Ada L.")
    assert person.login().status_code == 200

    token = person.mailed_token(CONFIRM, to=address)
    assert person.post("/email/verify", {"token": token}).status_code == 204

    profile = device("GET", "/profile").json()
    assert (profile["email"], profile["emailVerified"]) == (address, True)
    assert person.login().status_code == 401
    assert "another e-mail address" in person.mail("e-mail was changed")["Text"]


def test_what_was_mailed_to_the_former_address_does_not_bring_it_back(person: Person) -> None:
    former = person.mailed_token(WELCOME)
    person.post("/password/forgot", {"email": person.email})
    reset = person.mailed_token("Choose a new password")
    person.device("PATCH", "/profile", {"email": new_address(person)})
    person.post("/email/verify", {"token": person.mailed_token(CONFIRM, to=new_address(person))})

    assert refused(person.post("/email/verify", {"token": former})) == (400, "invalid-token")
    stolen = person.post("/password/reset", {"token": reset, "password": "another horse here"})
    assert refused(stolen) == (400, "invalid-token")


def test_a_taken_address_is_refused(person: Person, stranger: Person) -> None:
    answer = person.device("PATCH", "/profile", {"email": stranger.email.upper()})

    assert refused(answer) == (409, "email-taken")


def test_an_address_taken_while_it_waited_stays_with_its_owner(
    person: Person, stranger: Person, database: Database
) -> None:
    address = new_address(person)
    person.device("PATCH", "/profile", {"email": address})
    token = person.mailed_token(CONFIRM, to=address)
    database.execute("UPDATE users SET email = %s WHERE id = %s", (address, stranger.user_id))

    assert refused(person.post("/email/verify", {"token": token})) == (409, "email-taken")


def test_another_spelling_of_the_same_address_needs_no_mail(person: Person) -> None:
    answer = person.device("PATCH", "/profile", {"email": person.email.upper()})

    local, _, domain = person.email.partition("@")
    assert answer.json()["email"] == f"{local.upper()}@{domain}"


def test_long_after_the_login_a_change_needs_the_password(
    person: Person, database: Database
) -> None:
    database.execute(
        "UPDATE sessions SET signed_in_at = now() - interval '1 hour' WHERE user_id = %s",
        (person.user_id,),
    )
    address = new_address(person)

    without = person.device("PATCH", "/profile", {"email": address})
    wrong = person.device("PATCH", "/profile", {"email": address, "password": "not this one"})
    right = person.device("PATCH", "/profile", {"email": address, "password": PASSWORD})

    assert refused(without) == (403, "password-needed")
    assert refused(wrong) == (401, "invalid-credentials")
    assert right.status_code == 200
    assert person.device("PATCH", "/profile", {"name": "A"}).status_code == 200
