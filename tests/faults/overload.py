"""``make overload``: ten times as many logins as this machine can do, and what comes of them."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import NamedTuple

import uvloop

from tests.bench.load import Request, Result, load
from tests.faults.arrivals import Answer, Arrivals, centile, statuses
from tests.faults.plot import draw
from tests.faults.world import World, open_world
from tests.person import AUTH, PASSWORD
from tests.services import eventually

_SECONDS = float(os.environ.get("SECONDS_EACH", "20"))
_TIMES = 10
_CONNECTIONS = 8
_USERS = 2_000
_PLOT = Path("build/overload.svg")
# bcrypt is what a login waits for, as in production; a rate that the sender can multiply by ten.
_VARIABLES = {"BCRYPT_COST": "11", "REPLY_TIMEOUT_MS": "10000"}
_SETTLED = 10  # answers in a row that show that it is as before


class Overload(NamedTuple):
    """What was measured.

    Attributes:
        usual: at the rate that can be sustained.
        answers: to ten times that rate.
        probes: statuses of ``/health/ready`` meanwhile.
        skipped: commands that were not run because their deadline was past.
        worked: logins that were carried out.
        recovered_s: from the last request until logins are answered as before.
    """

    usual: Result
    answers: list[Answer]
    probes: list[int]
    skipped: int
    worked: int
    recovered_s: float

    @property
    def accepted(self) -> int:
        """Logins that were answered with tokens."""
        return statuses(self.answers)[200]

    @property
    def wasted(self) -> int:
        """Logins that were carried out, and nobody waited any more."""
        return self.worked - self.accepted


def measure(world: World, seconds: float) -> Overload:
    """Find the sustainable rate, then send ten times as much, then wait for better times."""
    make_users(world)
    usual = load(lambda number: login(world, number), connections=_CONNECTIONS, seconds=seconds / 2)
    before = _worked(world), _skipped(world)
    arrivals = Arrivals(
        lambda number: login(world, number + 10_000_000),
        per_second=usual.per_second * _TIMES,
        seconds=seconds,
    )
    answers, probes = uvloop.run(_under_watch(world, arrivals))
    recovered_s = _recover(world)
    eventually(lambda: world.records.lag() == 0, timeout=60, every=0.2)
    return Overload(
        usual,
        answers,
        probes,
        _skipped(world) - before[1],
        _worked(world) - before[0] - _SETTLED,
        recovered_s,
    )


async def _under_watch(world: World, arrivals: Arrivals) -> tuple[list[Answer], list[int]]:
    probe = Request(f"{world.system.url}/health/ready")
    seconds = max(1.0, _SECONDS - 1)
    watch = Arrivals(lambda _: probe, per_second=1, seconds=seconds)
    answers, probes = await asyncio.gather(arrivals.run(), watch.run())
    return answers, [each.status for each in probes]


def _recover(world: World) -> float:
    begun = time.monotonic()
    with world.system.client() as client:
        numbers = iter(range(20_000_000, 30_000_000))

        def as_before() -> bool:
            for _ in range(_SETTLED):
                request = login(world, next(numbers))
                sent = time.monotonic()
                answer = client.post(
                    request.url, content=request.body, headers=dict(request.headers)
                )
                if answer.status_code != 200 or time.monotonic() - sent > 2:
                    return False
            return True

        eventually(as_before, timeout=60, every=0.1)
    return time.monotonic() - begun


def make_users(world: World) -> None:
    """One is registered, and the others are copies with the same hash: only logins are counted."""
    with world.system.client() as client:
        body = {"email": "user-0@example.com", "password": PASSWORD}
        assert client.post(f"{AUTH}/register", json=body).status_code == 201
    with world.database() as connection:
        connection.execute(
            "INSERT INTO users (id, email, password)"
            " SELECT 'copy' || n, 'user-' || n || '@example.com', password"
            " FROM users, generate_series(1, %s) AS n WHERE email = 'user-0@example.com'",
            (_USERS - 1,),
        )


def login(world: World, number: int) -> Request:
    """A login of one of the users, from an address of its own."""
    address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    body = {"email": f"user-{number % _USERS}@example.com", "password": PASSWORD}
    return Request(
        f"{world.system.url}{AUTH}/login",
        "POST",
        {"x-forwarded-for": address, "content-type": "application/json"},
        json.dumps(body).encode(),
    )


def _worked(world: World) -> int:
    return sum(
        " command done" in line and "topic=user.validate" in line
        for line in world.system.output["user"]
    )


def _skipped(world: World) -> int:
    return sum("past its deadline" in line for line in world.system.output["user"])


def _table(found: Overload) -> str:
    counted = statuses(found.answers)
    last = max(each.at_s for each in found.answers)
    other = sum(n for status, n in counted.items() if status not in {200, 429, 503, 504})
    refused = [each.took_s for each in found.answers if each.status in {429, 503}]
    rows = (
        ("sustainable logins", f"{found.usual.per_second:.1f}/s, p99 {found.usual.p99_ms:.0f} ms"),
        ("offered", f"{len(found.answers) / last:.0f}/s for {last:.0f} s"),
        ("accepted (200)", f"{counted[200]}, {counted[200] / last:.1f}/s"),
        ("refused early (503, 429)", f"{counted[503]}, {counted[429]}"),
        ("after waiting (504)", str(counted[504])),
        ("anything else", str(other)),
        (
            "accepted: p50, p99",
            f"{centile(found.answers, 0.5):.2f} s, {centile(found.answers, 0.99):.2f} s",
        ),
        ("refused: longest wait", f"{max(refused, default=0):.2f} s"),
        ("skipped past their deadline", str(found.skipped)),
        ("worked for nobody", str(found.wasted)),
        ("ready meanwhile", f"{found.probes.count(200)} of {len(found.probes)} probes"),
        ("as before after", f"{found.recovered_s:.1f} s"),
    )
    return "\n".join(f"{name:30}{value}" for name, value in rows)


def main() -> None:
    """Measure, print, draw."""
    with open_world(variables=_VARIABLES) as world:
        found = measure(world, _SECONDS)
    draw(found.answers, _PLOT, f"{_TIMES} x {found.usual.per_second:.1f} logins/s")
    sys.stdout.write(f"{_table(found)}\n\nplot: {_PLOT}\n")


if __name__ == "__main__":
    main()
