"""Delays that grow: guessing gets slow, and no stranger can lock a user out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

import httpx
import pytest

from gateway.cache.redis_client import RedisClient
from gateway.context import RequestContext, request_context
from gateway.security.abuse_limits import AbuseLimits
from gateway.security.backoff import Backoff, BackoffPolicy
from shared.contract.errors import InvalidCredentials, TooManyAttempts
from shared.contract.messages import Client
from tests.person import AUTH, Person, refused
from tests.services import System, eventually

NOWHERE = "redis://127.0.0.1:1/0"


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[RedisClient]:
    redis = RedisClient(url)
    yield redis
    await redis.close()


@pytest.fixture(params=["redis", "memory"])
def url(request: pytest.FixtureRequest) -> str:
    """Both ways to count: in Redis, and in the process while Redis is away."""
    if request.param == "memory":
        return NOWHERE
    found: str = request.getfixturevalue("redis_url")
    return found


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.node.name
    return found


def run(url: str, name: str, *steps: str, policy: BackoffPolicy) -> list[int]:
    """Return waits in milliseconds, one for each ``hit`` among the steps."""

    async def go() -> list[int]:
        async with connected(url) as redis:
            backoff, waits = Backoff(redis), []
            for step in steps:
                if step == "hit":
                    waits.append(await backoff.hit(name, policy))
                else:
                    await getattr(backoff, step)(name)
            return waits

    return asyncio.run(go())


def test_the_first_tries_are_free_and_then_a_delay_stands(url: str, name: str) -> None:
    waits = run(url, name, *["hit"] * 5, policy=BackoffPolicy(3, first_ms=60_000))

    assert waits[:4] == [0, 0, 0, 0]
    assert 55_000 < waits[4] <= 60_001


def test_delays_double_up_to_the_longest() -> None:
    policy = BackoffPolicy(2, first_ms=1_000, longest_ms=5_000)

    assert [policy.delay_ms(tries) for tries in range(1, 8)] == [0, 0, 1000, 2000, 4000, 5000, 5000]
    assert policy.delay_ms(10_000) == 5_000


def test_a_try_during_a_delay_does_not_make_it_longer(url: str, name: str) -> None:
    waits = run(url, name, *["hit"] * 50, policy=BackoffPolicy(1, first_ms=60_000))

    assert max(waits) <= 60_001


def test_after_the_delay_the_next_is_twice_as_long(url: str, name: str) -> None:
    policy = BackoffPolicy(0, first_ms=20, longest_ms=60_000)
    run(url, name, "hit", policy=policy)  # 20 ms stand now

    async def go() -> int:
        async with connected(url) as redis:
            backoff = Backoff(redis)
            longest = 0
            for _ in range(200):
                longest = max(longest, await backoff.hit(name, policy))
                await asyncio.sleep(0.005)
            return longest

    assert asyncio.run(go()) > 100


def test_a_good_try_is_given_back(url: str, name: str) -> None:
    steps = ["hit", "refund"] * 20
    assert run(url, name, *steps, policy=BackoffPolicy(1, first_ms=60_000)) == [0] * 20


def test_all_can_be_forgotten(url: str, name: str) -> None:
    waits = run(url, name, "hit", "hit", "forget", "hit", policy=BackoffPolicy(1, first_ms=60_000))

    assert waits == [0, 0, 0]


def test_strangers_do_not_keep_a_person_out(redis_url: str, name: str) -> None:
    """Many addresses guess at one account; its owner signs in from where they always do."""

    async def go() -> list[str]:
        async with connected(redis_url) as redis:
            limits = AbuseLimits(redis, per_account=2, per_network=1000, longest_s=300)
            request_context.set(RequestContext(client=Client(ip="198.51.100.1")))
            async with limits.password(name):
                pass
            outcomes = []
            for number in range(40):
                request_context.set(RequestContext(client=Client(ip=f"203.0.113.{number}")))
                try:
                    async with limits.password(name):
                        outcomes.append("looked at")
                        raise InvalidCredentials
                except InvalidCredentials:
                    pass
                except TooManyAttempts:
                    outcomes.append("too soon")
            request_context.set(RequestContext(client=Client(ip="198.51.100.1")))
            async with limits.password(name):
                return outcomes

    outcomes = asyncio.run(go())
    assert outcomes[:20] == ["looked at"] * 20
    assert "too soon" in outcomes[20:]


def test_a_sign_in_from_a_known_network_gives_strangers_no_tries(redis_url: str, name: str) -> None:
    async def go() -> list[str]:
        async with connected(redis_url) as redis:
            limits = AbuseLimits(redis, per_account=1, per_network=1000, longest_s=300)
            outcomes = []
            for number in range(20):
                request_context.set(RequestContext(client=Client(ip="198.51.100.1")))
                async with limits.password(name):
                    pass
                request_context.set(RequestContext(client=Client(ip=f"203.0.113.{number}")))
                with suppress(InvalidCredentials, TooManyAttempts):
                    async with limits.password(name):
                        outcomes.append("looked at")
                        raise InvalidCredentials
            return outcomes

    assert len(asyncio.run(go())) < 20


# ---- over HTTP


@pytest.fixture
def guesser(system: System) -> Iterator[httpx.Client]:
    with system.client() as client:
        yield client


def test_guessing_a_password_gets_slow_and_the_owner_signs_in(
    person: Person, guesser: httpx.Client
) -> None:
    answers = [person.login(f"guess number {n}", guesser) for n in range(8)]

    statuses = [answer.status_code for answer in answers]
    assert statuses[:6] == [401] * 6
    assert 429 in statuses
    last = next(answer for answer in answers if answer.status_code == 429)
    assert refused(last) == (429, "too-many-attempts")
    assert int(last.headers["retry-after"]) >= 1
    assert person.login().status_code == 200


def test_after_the_delay_the_right_password_counts_even_there(
    person: Person, guesser: httpx.Client
) -> None:
    while person.login("not the password", guesser).status_code != 429:
        pass

    eventually(lambda: person.login(client=guesser).status_code == 200)
    assert person.login("not the password", guesser).status_code == 401


def test_a_guesser_learns_nothing_from_being_slowed_down(
    person: Person, guesser: httpx.Client
) -> None:
    def until_slow(email: str) -> int:
        body = {"email": email, "password": "not the password"}
        answers = (guesser.post(f"{AUTH}/login", json=body).status_code for _ in range(10))
        return next(number for number, status in enumerate(answers) if status == 429)

    assert until_slow(person.email) == until_slow(f"un{person.email}")


def test_a_mailbox_is_not_filled(person: Person, guesser: httpx.Client) -> None:
    for _ in range(10):
        answer = guesser.post(f"{AUTH}/password/forgot", json={"email": person.email})
        assert answer.status_code == 202
    person.mail("Choose a new password")
    other = person.post("/password/forgot", {"email": f"un{person.email}"})

    assert other.status_code == 202
    resets = [m for m in person.inbox.to(person.email) if "Choose" in m["Subject"]]
    assert len(resets) <= 6


def test_a_stranger_cannot_use_up_the_mails_that_a_person_needs(
    person: Person, guesser: httpx.Client
) -> None:
    person.post("/email/verify", {"token": person.mailed_token("Welcome")})
    for _ in range(10):  # an address that is verified gets none of these
        guesser.post(f"{AUTH}/email/verify/resend", json={"email": person.email})

    person.post("/password/forgot", {"email": person.email})

    assert person.mailed_token("Choose a new password")


def test_strangers_mailboxes_are_not_filled_by_changing_ones_address(person: Person) -> None:
    answers = [
        person.device("PATCH", "/profile", {"email": f"victim.of.{person.email}"}) for _ in range(7)
    ]

    assert [answer.status_code for answer in answers] == [200] * 6 + [429]
    assert int(answers[-1].headers["retry-after"]) > 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/register", {"email": "no.{n}@example.org", "password": "password1"}),
        ("/totp/challenge", {"challengeToken": "{n}", "code": "123456"}),
        ("/password/reset", {"token": "{n}", "password": "a horse of its own"}),
    ],
)
def test_one_address_does_not_do_it_for_ever(
    guesser: httpx.Client, path: str, body: dict[str, str]
) -> None:
    answers = []
    for number in range(53):
        filled = {member: value.format(n=number) for member, value in body.items()}
        answers.append(guesser.post(AUTH + path, json=filled))

    assert answers[49].status_code < 429
    assert refused(answers[-1]) == (429, "too-many-attempts")
