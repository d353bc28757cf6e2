"""Register, login, forgot and verify do not tell a stranger, in time, whether an account exists.

Many samples of both kinds are taken in turns, so that whatever slows the machine slows both, and
their ranks are compared (Mann and Whitney's test, which knows nothing of distributions). What is
measured is how well an attacker could tell the two apart by one answer: the common language effect
size, 0.5 for not at all, 1 for always. Run with ``make timing``.
"""

from __future__ import annotations

import itertools
import os
import sys
import time
from collections.abc import Callable, Iterator
from statistics import NormalDist

import httpx
import pytest

from local.environment import Addresses
from local.keys import Keys
from local.process import Group
from local.services import broker as broker_service
from tests.integration.accounts.systems import running
from tests.person import AUTH, PASSWORD, Person
from tests.services import Inbox, System, start

SAMPLES = int(os.environ.get("TIMING_SAMPLES", "400"))
# With this many samples an attacker would still be right in no more than this share of guesses.
TELLING = 0.56
SIGNIFICANT = 1e-4

Ask = Callable[[str], httpx.Response]


@pytest.fixture(scope="module")
def system(
    request: pytest.FixtureRequest, addresses: Addresses, keys: Keys, inbox: Inbox, group: Group
) -> Iterator[System]:
    """Without limits, and with a cost that shows: a password check takes tens of milliseconds."""
    broker, told = start(broker_service.command(), group)
    alone = addresses._replace(kafka=told["address"], embedded_broker=True)
    often = dict.fromkeys(("RATE_LIMIT_REQUESTS", "ATTEMPTS_PER_ACCOUNT"), "10000000")
    variables = {**often, "BCRYPT_COST": "9", "SIGN_UP": request.param}
    with running(alone, keys, inbox, **variables) as system:
        yield system
    broker.stop()


@pytest.fixture(scope="module")
def known(system: System, inbox: Inbox) -> Iterator[Person]:
    person = Person(system, inbox)
    person.post("/email/verify", {"token": person.mailed_token("Welcome")})
    yield person
    person.client.close()


def asks(client: httpx.Client) -> dict[str, Ask]:
    """Return what a stranger can learn of an address."""

    def post(path: str, **body: str) -> Ask:
        return lambda email: client.post(AUTH + path, json={"email": email, **body})

    return {
        "login": post("/login", password="not the password"),
        "forgot": post("/password/forgot"),
        "resend": post("/email/verify/resend"),
        "register": post("/register", password=PASSWORD),
    }


# An open sign-up tells at register, in words: 409.
@pytest.mark.parametrize(
    ("system", "what"),
    [
        *(("open", what) for what in ("login", "forgot", "resend")),
        *(("private", what) for what in ("login", "forgot", "resend", "register")),
    ],
    indirect=["system"],
)
def test_an_answer_takes_as_long_for_an_account_as_for_none(
    known: Person, system: System, what: str, capfd: pytest.CaptureFixture[str]
) -> None:
    ask = asks(known.client)[what]
    numbers = itertools.count()
    here, nowhere = [], []
    for _ in range(SAMPLES):
        here.append(_seconds(ask, known.email))
        nowhere.append(_seconds(ask, f"un{next(numbers)}.{known.email}"))

    share, chance = told_apart(here, nowhere)
    with capfd.disabled():
        sys.stdout.write(f"\n{what}: right in {max(share, 1 - share):.1%} (chance {chance:.2g})\n")
    assert chance > SIGNIFICANT or abs(share - 0.5) < TELLING - 0.5, (share, chance)


def _seconds(ask: Ask, email: str) -> float:
    started = time.perf_counter()
    ask(email)
    return time.perf_counter() - started


def told_apart(one: list[float], other: list[float]) -> tuple[float, float]:
    """How often a sample of one is above one of the other; and how likely that is by chance."""
    n, m = len(one), len(other)
    ordered = sorted([(value, True) for value in one] + [(value, False) for value in other])
    ranks = sum(rank for rank, (_, is_one) in enumerate(ordered, 1) if is_one)
    above = ranks - n * (n + 1) / 2
    deviation = (n * m * (n + m + 1) / 12) ** 0.5
    z = abs(above - n * m / 2) / deviation
    return above / (n * m), 2 * (1 - NormalDist().cdf(z))


def test_a_leak_would_be_noticed() -> None:
    """What the seed of many systems does: no hash is computed for nobody."""
    slow = [0.030 + 0.001 * (number % 7) for number in range(SAMPLES)]
    fast = [0.020 + 0.001 * (number % 7) for number in range(SAMPLES)]

    share, chance = told_apart(slow, fast)

    assert share > TELLING
    assert chance < SIGNIFICANT
