"""While Redis is away, signing out is still at once, and guessing still gets slow."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local import ports
from local.environment import Addresses
from local.keys import Keys
from tests.integration.accounts.systems import running
from tests.person import Device, Person, refused
from tests.services import Inbox, System


@pytest.fixture
def without_redis(alone: Addresses, keys: Keys, inbox: Inbox) -> Iterator[System]:
    nowhere = f"redis://{ports.HOST}:{ports.any_free()}/0"
    with running(alone._replace(redis=nowhere), keys, inbox) as system:
        yield system


def test_the_user_function_knows_who_is_signed_in(without_redis: System, inbox: Inbox) -> None:
    person = Person(without_redis, inbox)
    device, other = person.device, person.sign_in()
    gone = Device(person.client, dict(other.tokens))
    assert other("POST", "/logout").status_code == 204

    # Another gateway than the one that ended the session knows nothing of it.
    without_redis.restart("gateway")

    assert refused(gone("GET", "/profile")) == (401, "session-ended")
    assert refused(gone("PATCH", "/profile", {"name": "X"})) == (401, "session-ended")
    assert device("GET", "/profile").status_code == 200
    with without_redis.client() as guesser:
        statuses = [person.login("not the password", guesser).status_code for _ in range(8)]
    assert 429 in statuses
    person.client.close()
