"""Logins under load, for docs/capacity.md to hold its simulation against: ``make bench-logins``.

The system runs as usual at cost 12, all of it on this machine, the sender too. What the simulation
is told is measured without load: what a lone login takes beside its hash; and before and after each
rate, how long a hash takes while all processors hash. Where these two differ, somebody has used the
machine meanwhile, and that rate is measured again.
"""

from __future__ import annotations

import itertools
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import bcrypt
import httpx
import uvloop

from tests.faults.arrivals import Answer, RandomArrivals, centile, statuses
from tests.faults.overload import login, make_users
from tests.faults.world import World, open_world
from tests.services import eventually

_RECORD = Path(__file__).parents[2] / "infra/economics/capacity/measured.json"
_COST = 12
_WORKERS = 4
_PROCESSORS = os.cpu_count() or 1
_SHARES = (0.3, 0.5, 0.7, 0.85, 1.5)
_SECONDS = float(os.environ.get("SECONDS_EACH", "30"))
_HASHING_S = 3.0
_DIFFERENCE = 0.1  # of two hashes' times, at most
_TRIES = 6
_LONE = 15
Row = dict[str, float]


def hash_s(processors: int) -> float:
    """Seconds of a processor that a hash takes while all of them hash."""
    until = time.perf_counter() + _HASHING_S

    def count(_: int) -> int:
        salt, done = bcrypt.gensalt(_COST), 0
        while time.perf_counter() < until:
            bcrypt.hashpw(b"correct horse battery", salt)
            done += 1
        return done

    with ThreadPoolExecutor(processors) as pool:
        return processors * _HASHING_S / sum(pool.map(count, range(processors)))


def way_s(world: World) -> float:
    """What a login takes beside its hash: a lone one, less a lone hash."""
    took = []
    with world.system.client() as client:
        for number in range(_LONE):
            request = login(world, 30_000_000 + number)
            begun = time.perf_counter()
            client.post(request.url, content=request.body, headers=dict(request.headers))
            took.append(time.perf_counter() - begun)
    return max(0.0, statistics.median(took) - hash_s(1))


def undisturbed(world: World, share: float, numbers: Iterator[int]) -> Row:
    """As :func:`under_load`, at a share of what the machine can do; the least disturbed of some."""
    tried: list[tuple[float, Row]] = []
    while len(tried) < _TRIES and (not tried or min(tried)[0] > _DIFFERENCE):
        before = hash_s(_PROCESSORS)
        row = under_load(world, share * _PROCESSORS / before, next(numbers))
        after = hash_s(_PROCESSORS)
        row["hash_s"] = round(statistics.mean((before, after)), 3)
        tried.append((abs(after - before) / before, row))
        sys.stdout.write(f"{share:4} of the limit, hash {before:.3f} s, {after:.3f} s: {row}\n")
        sys.stdout.flush()
    return min(tried, key=lambda each: each[0])[1]


def under_load(world: World, per_second: float, number: int) -> Row:
    """Logins at random, so many a second on average; what came of them."""
    first = 40_000_000 + number * 100_000
    arrivals = RandomArrivals(
        lambda n: login(world, first + n), per_second=per_second, seconds=_SECONDS, seed=number
    )
    answers = uvloop.run(arrivals.run())
    eventually(lambda: world.records.lag() == 0, timeout=60, every=0.2)
    return _row(answers)


def _row(answers: list[Answer]) -> Row:
    return {
        "offered": round(len(answers) / _SECONDS, 2),
        "answered": round(statuses(answers)[httpx.codes.OK] / _SECONDS, 2),
        "refused": round(statuses(answers)[httpx.codes.SERVICE_UNAVAILABLE] / _SECONDS, 2),
        "p50_s": round(centile(answers, 0.5), 3),
        "p99_s": round(centile(answers, 0.99), 3),
    }


def main() -> None:
    """Measure, print, and keep it for the document."""
    variables = {"BCRYPT_COST": str(_COST), "BATCH_WORKERS": str(_WORKERS)}
    with open_world(variables={**variables, "REPLY_TIMEOUT_MS": "10000"}) as world:
        make_users(world)
        way, numbers = way_s(world), itertools.count()
        rows = [undisturbed(world, share, numbers) for share in _SHARES]
    found = {
        "day": datetime.now(UTC).date().isoformat(),
        "processors": _PROCESSORS,
        "workers": _WORKERS,
        "seconds": _SECONDS,
        "way_s": round(way, 3),
        "rows": rows,
    }
    _RECORD.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
