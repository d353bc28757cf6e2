"""Login, forgot and verify do not tell a stranger, in words, whether an account exists."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.person import Person

VARYING = {"x-request-id", "ratelimit", "date"}


def said(answer: httpx.Response) -> tuple[int, dict[str, str], bytes]:
    headers = {name: value for name, value in answer.headers.items() if name not in VARYING}
    return answer.status_code, headers, answer.content


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/login", {"password": "not the password"}),
        ("/password/forgot", {}),
        ("/email/verify/resend", {}),
    ],
)
def test_the_same_is_said_for_an_account_and_for_none(
    person: Person, path: str, body: dict[str, Any]
) -> None:
    here = person.post(path, {"email": person.email, **body})
    nowhere = person.post(path, {"email": f"un{person.email}", **body})

    assert said(here) == said(nowhere)


@pytest.mark.parametrize("path", ["/email/verify", "/password/reset"])
def test_a_used_token_is_said_to_be_what_an_unknown_one_is(person: Person, path: str) -> None:
    password = {} if path == "/email/verify" else {"password": "another horse entirely"}
    if path == "/email/verify":
        token = person.mailed_token("Welcome")
    else:
        person.post("/password/forgot", {"email": person.email})
        token = person.mailed_token("Choose a new password")
    assert person.post(path, {"token": token, **password}).status_code == 204

    used = person.post(path, {"token": token, **password})
    unknown = person.post(path, {"token": "A" * 43, **password})

    assert said(used) == said(unknown)
