"""Keys over HTTP: what anybody can verify with, and rotations of all keys of a running system."""

from __future__ import annotations

import os
import subprocess
import sys

import jwt
import psycopg
from psycopg.rows import TupleRow

from local.environment import Addresses
from local.keys import Keys
from shared.security.keys import prepare, promote
from tests.integration.accounts.systems import running
from tests.integration.accounts.test_second_factor import Protected, code_of
from tests.person import Device, Person
from tests.services import Inbox, System
from user.operations.reseal import reseal

Database = psycopg.Connection[TupleRow]


def test_anybody_can_verify_an_access_token(person: Person, system: System) -> None:
    answer = person.client.get("/.well-known/jwks.json")
    token = person.device.tokens["accessToken"]

    assert answer.headers["cache-control"] == "public, max-age=300"
    assert all("d" not in key for key in answer.json()["keys"])
    key = jwt.PyJWKSet.from_dict(answer.json())[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(
        token, key, algorithms=["EdDSA"], audience="user-services", issuer="user-services"
    )
    assert claims["sub"] == person.user_id


def test_all_keys_rotate_and_nobody_notices(
    alone: Addresses, keys: Keys, inbox: Inbox, database_url: str
) -> None:
    with running(alone, keys, inbox) as system:
        protected = Protected(Person(system, inbox))
        before = protected.person.device
        protected.person.client.close()
    after_keys = Keys(
        *(promote(prepare(each)) for each in (keys.jwt, keys.user, keys.notification))
    )

    with running(alone, after_keys, inbox) as system, system.client() as client:
        kids = [each["kid"] for each in client.get("/.well-known/jwks.json").json()["keys"]]
        assert kids == [after_keys.jwt.keys[0].kid, keys.jwt.keys[0].kid]
        device = Device(client, before.tokens)
        assert device("GET", "/profile").status_code == 200
        assert device.refresh().status_code == 200
        assert jwt.get_unverified_header(device.tokens["accessToken"])["kid"] == kids[0]
        protected.person.client = client
        assert reseal(database_url, after_keys.user) >= 1
        assert protected.answer(code_of(protected.secret)).status_code == 200
        person = Person(system, inbox)
        assert person.mailed_token("Welcome")
        person.client.close()


def test_a_rotation_is_put_into_the_audit_trail(database: Database, database_url: str) -> None:
    command = [
        sys.executable,
        "-m",
        "user.operations.record_audit_event",
        "key-rotated",
        "signing-1234",
    ]
    env = {**os.environ, "DATABASE_URL": database_url, "LOG_FORMAT": "line"}

    run = subprocess.run(command, env=env, capture_output=True, text=True, check=True)

    assert "signing-1234" in run.stdout
    row = database.execute(
        "SELECT kind, detail FROM audit_events ORDER BY id DESC LIMIT 1"
    ).fetchone()
    assert row == ("key-rotated", "signing-1234")
