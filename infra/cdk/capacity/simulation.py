"""Logins on their way through one topic: an event-by-event simulation.

What is simulated is what Lambda's mapping does (Developer Guide, "Apache Kafka event source"): one
invocation at a time for each partition, with what has come in meanwhile, up to the batch size. In
the function, records of different keys share its processors; a reply leaves when its record is
done; a command that nobody waits for any more is skipped.
"""

from __future__ import annotations

import heapq
import random
import statistics
from collections.abc import Iterator
from typing import NamedTuple


class System(NamedTuple):
    """What there is.

    Attributes:
        partitions: of the topic: so many environments of the user function work side by side.
        processors: virtual CPUs of one environment (1,769 MB of memory are one).
        hash_s: one bcrypt hash on one of them.
        way_s: everything else of a request: API, gateway, Kafka twice, PostgreSQL.
        deadline_s: how long the gateway waits.
        batch: most records in one invocation.
        margin_s: a command is skipped when less than this is left of its deadline.
    """

    partitions: int = 6
    processors: int = 1
    hash_s: float = 0.25
    way_s: float = 0.03
    deadline_s: float = 10.0
    batch: int = 100
    margin_s: float = 0.0

    @property
    def limit(self) -> float:
        """Logins a second that it can carry at most."""
        return self.partitions * self.processors / self.hash_s


class Outcome(NamedTuple):
    """What people saw.

    Attributes:
        offered, answered: logins a second that came, and that were answered in time.
        p50_s, p99_s: of those that were answered.
    """

    offered: float
    answered: float
    p50_s: float
    p99_s: float


def simulate(system: System, rate: float, *, seconds: float = 300, seed: int = 1) -> Outcome:
    """Let logins come at random (Poisson) for a while.

    Args:
        rate: logins a second, spread evenly over the partitions.
    """
    chance = random.Random(seed)  # noqa: S311 - a simulation, the same each time
    waits = [
        wait
        for _ in range(system.partitions)
        for wait in _partition(system, list(_arrivals(rate / system.partitions, seconds, chance)))
    ]
    answered = sorted(wait for wait in waits if wait <= system.deadline_s)
    if len(answered) < 2:
        return Outcome(len(waits) / seconds, len(answered) / seconds, 0, 0)
    cuts = statistics.quantiles(answered, n=100, method="inclusive")
    return Outcome(len(waits) / seconds, len(answered) / seconds, cuts[49], cuts[98])


def _arrivals(rate: float, seconds: float, chance: random.Random) -> Iterator[float]:
    now = chance.expovariate(rate)
    while now < seconds:
        yield now
        now += chance.expovariate(rate)


def _partition(system: System, arrivals: list[float]) -> Iterator[float]:
    """How long each of a partition's logins took; more than the deadline for the unanswered."""
    next_, free = 0, 0.0
    while next_ < len(arrivals):
        begin = max(free, arrivals[next_])
        batch: list[float] = []
        while next_ < len(arrivals) and arrivals[next_] <= begin and len(batch) < system.batch:
            batch.append(arrivals[next_])
            next_ += 1
        ends = _invocation(system, batch, begin)
        free = max(ends.values(), default=begin)
        for arrived in batch:
            yield ends.get(arrived, arrived + 2 * system.deadline_s) - arrived + system.way_s


def _invocation(system: System, batch: list[float], begin: float) -> dict[float, float]:
    """When each record's reply leaves, by when it arrived; a skipped one is not in it."""
    workers = [begin] * system.processors
    ends = {}
    for arrived in batch:
        start = heapq.heappop(workers)
        late = start - arrived > system.deadline_s - system.margin_s
        end = start if late else start + system.hash_s
        if not late:
            ends[arrived] = end
        heapq.heappush(workers, end)
    return ends
