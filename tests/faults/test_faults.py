"""The quickest of the faults, and what was once broken by one. All of them: ``make faults``."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.faults import bus, parts, stores
from tests.faults.fault import Fault, undergo
from tests.faults.world import World, open_world
from tests.person import AUTH, PASSWORD
from tests.services import eventually

QUICK = {
    fault.name: fault
    for fault in (*parts.FAULTS, *stores.FAULTS, *bus.FAULTS)
    if fault.name
    in {
        "all three: kill -9",
        "Redis: gone for 3 s and back",
        "all topics once more, before their deadline",
    }
}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with open_world(variables={"REPLY_TIMEOUT_MS": "3000"}) as world:
        yield world


def register(client: httpx.Client, email: str) -> dict[str, str]:
    body = {"email": email, "password": PASSWORD, "name": "Before"}
    answer = client.post(f"{AUTH}/register", json=body)
    assert answer.status_code == 201, answer.text
    return {"authorization": f"Bearer {answer.json()['accessToken']}"}


@pytest.mark.parametrize("fault", QUICK.values(), ids=QUICK.keys())
def test_what_was_acknowledged_holds(world: World, fault: Fault) -> None:
    row = undergo(world, fault, "test")

    assert not row.problems
    assert row.registered == row.rows == row.mails > 0


def test_a_change_made_while_redis_is_away_is_shown_when_it_is_back(world: World) -> None:
    with world.system.client() as client:
        headers = register(client, "changed@example.com")
        assert client.get(f"{AUTH}/profile", headers=headers).json()["name"] == "Before"
        world.redis_link.cut()
        changed = client.patch(f"{AUTH}/profile", headers=headers, json={"name": "After"})
        world.redis_link.heal()
        assert changed.status_code == 200

        def shown_by_redis() -> bool:
            shown = client.get(f"{AUTH}/profile", headers=headers)
            assert shown.json()["name"] == "After"
            return shown.headers["cache-status"] == "redis; hit"

        assert eventually(shown_by_redis)


def test_attempts_that_nobody_looked_at_do_not_count(world: World) -> None:
    email = "patient@example.com"
    with world.system.client() as client:
        register(client, email)
        login = {"email": email, "password": PASSWORD}
        world.postgres_link.cut()
        answers = [client.post(f"{AUTH}/login", json=login) for _ in range(7)]
        world.postgres_link.heal()

        assert {each.status_code for each in answers} <= {503, 504}

        def signed_in() -> bool:  # the partition may be pausing before its next try
            status = client.post(f"{AUTH}/login", json=login).status_code
            if status == 429:
                raise RuntimeError("the attempts were counted")
            return status == 200

        assert eventually(signed_in, timeout=60)
