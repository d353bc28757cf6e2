"""What a person notices when a part is killed or away, and what must never happen."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from local import ports
from local.environment import Addresses
from local.keys import Keys
from local.process import Group, Process
from local.services import broker as broker_service
from local.services.redis import Redis
from tests.person import AUTH, PASSWORD, register
from tests.services import Inbox, System, eventually, start


@contextmanager
def running(addresses: Addresses, keys: Keys, inbox: Inbox, **variables: str) -> Iterator[System]:
    system = System(addresses, keys, inbox, variables)
    try:
        system.start()
        yield system
    finally:
        system.close()


@pytest.fixture
def alone(addresses: Addresses, group: Group) -> Iterator[Addresses]:
    """The services with a broker of their own: no other system's workers take these records."""
    process, told = start(broker_service.command(), group)
    yield addresses._replace(kafka=told["address"], embedded_broker=True)
    process.stop()


def users_with(database_url: str, email: str) -> int:
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT count(*) FROM users WHERE email = %s", (email,)).fetchone()
    assert row
    count: int = row[0]
    return count


def test_a_user_worker_killed_in_the_middle_of_a_register_leaves_exactly_one_user(
    alone: Addresses, keys: Keys, inbox: Inbox
) -> None:
    email = "killed-in-the-middle@example.com"
    slow = {"BCRYPT_COST": "13", "LOG_LEVEL": "DEBUG"}
    # Longer than a killed consumer's session lasts, so that the command is taken up again.
    patient = {"REPLY_TIMEOUT_MS": "40000"}

    with (
        running(alone, keys, inbox, **slow, **patient) as system,
        system.client() as client,
        ThreadPoolExecutor(1) as pool,
    ):

        def registers_begun() -> int:
            lines = system.output["user"]
            return sum("command begins" in line and "user.register" in line for line in lines)

        answer = pool.submit(register, client, email)
        eventually(registers_begun)
        system.kill("user")
        assert users_with(alone.database, email) == 0
        system.start("user")

        assert answer.result().status_code == 201
        assert users_with(alone.database, email) == 1
        signed_in = client.post(f"{AUTH}/login", json={"email": email, "password": PASSWORD})
        assert signed_in.status_code == 200
        inbox.wait_for(lambda m: [to["Address"] for to in m["To"]] == [email])
        assert len(inbox.to(email)) == 1


def test_without_the_user_function_a_request_ends_at_its_deadline(
    alone: Addresses, keys: Keys, inbox: Inbox
) -> None:
    email = "nobody-home@example.com"
    hasty = {"BCRYPT_COST": "4", "REPLY_TIMEOUT_MS": "1000"}
    with running(alone, keys, inbox, **hasty) as system:
        system.stop("user")
        with system.client() as client:
            refused = register(client, email)
            assert refused.status_code == 504
            assert refused.json()["type"].endswith(":timeout")
            assert refused.headers["retry-after"]
            ready = client.get("/health/ready")
            assert (ready.status_code, ready.json()["checks"]["user"]) == (503, "down")

            system.start("user")
            # The first command was past its deadline when the function came back: it was not run.
            assert register(client, email).status_code == 201
            assert any("past its deadline" in line for line in system.output["user"])
        assert users_with(alone.database, email) == 1


def test_without_redis_everything_is_served(
    alone: Addresses, keys: Keys, inbox: Inbox, group: Group, tmp_path: Path
) -> None:
    own = Redis(tmp_path, ports.any_free(), durable=False)
    own.prepare()
    server = Process(own.command(), group)
    server.wait_ready(30)
    few = {"BCRYPT_COST": "4", "REDIS_URL": own.url, "RATE_LIMIT_REQUESTS": "5"}
    with running(alone, keys, inbox, **few) as system, system.client() as client:
        token = register(client, "no-redis@example.com").json()["accessToken"]
        server.kill()

        headers = {"authorization": f"Bearer {token}"}
        answers = [client.get(f"{AUTH}/profile", headers=headers) for _ in range(6)]

        assert [a.status_code for a in answers] == [200] * 5 + [429]
        assert answers[0].headers["cache-status"] == "redis; fwd=miss"
        eventually(lambda: client.get("/health/ready").json()["checks"]["redis"] == "down")
        assert client.get("/health/ready").status_code == 200


def test_a_frozen_user_worker_delays_and_loses_nothing(
    system: System, addresses: Addresses
) -> None:
    email = "frozen@example.com"
    with system.client() as client, ThreadPoolExecutor(1) as pool:
        os.kill(system.pids["user"], signal.SIGSTOP)
        answer = pool.submit(register, client, email)
        eventually(answer.running)
        os.kill(system.pids["user"], signal.SIGCONT)

        assert answer.result().status_code == 201
    assert users_with(addresses.database, email) == 1
