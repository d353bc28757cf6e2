"""Logins on their way through one topic: an event-by-event simulation.

It simulates Lambda's mapping (Developer Guide, "Apache Kafka event source"): one invocation at a
time for each partition, with the records that have come in meanwhile, up to the batch size. In the
function, records of different keys share its threads, and threads share its processors. A reply
leaves when its record is done; a command that cannot be answered in time is skipped.

On one machine there is one gateway, too, which lets no more requests wait than are answered soon;
the simulation uses its code, :mod:`shared.bus.concurrency_limit`. In Lambda each of its
environments has one request at most.
"""

from __future__ import annotations

import math
import random
import statistics
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import NamedTuple

from shared.bus.concurrency_limit import ConcurrencyLimit
from shared.contract.errors import Overloaded

_ANY_NUMBER = 1_000_000
_WEIGHT = 0.2  # as in user.dispatch.durations
_LONGEST_S = 1.0


class SimulatedSystem(NamedTuple):
    """The parts of a system that limit its logins.

    Attributes:
        partitions: of the topic.
        processors: virtual CPUs of one environment (1,769 MB of memory are one).
        workers: threads of one environment (``BATCH_WORKERS``).
        hash_s: one bcrypt hash on a processor of its own.
        way_s: everything else of a request: API, gateway, Kafka twice, PostgreSQL.
        deadline_s: seconds that the gateway waits.
        batch: most records in one invocation.
        together: all on one machine, behind one gateway. In Lambda each partition has an
            environment of its own.
        gives_up_early: a command is skipped when less time is left than one takes, as the user
            function does; otherwise only past its deadline.
    """

    partitions: int = 6
    processors: int = 1
    workers: int = 4
    hash_s: float = 0.25
    way_s: float = 0.03
    deadline_s: float = 10.0
    batch: int = 100
    together: bool = False
    gives_up_early: bool = True

    @property
    def limit(self) -> float:
        """The most logins a second that it can carry."""
        environments = 1 if self.together else self.partitions
        return environments * self.processors / self.hash_s


class SimulationResult(NamedTuple):
    """The clients' view of a simulation.

    Attributes:
        offered, answered: logins a second that came, and that were answered in time.
        p50_s, p99_s: durations of the answered logins.
    """

    offered: float
    answered: float
    p50_s: float
    p99_s: float


class Arrival(NamedTuple):
    """A login: its time and its partition."""

    at_s: float
    partition: int


def simulate(
    system: SimulatedSystem, rate: float, *, seconds: float = 300, seed: int = 1
) -> SimulationResult:
    """Simulate logins that come at random (Poisson).

    Args:
        rate: logins a second, spread evenly over the partitions.
    """
    chance = random.Random(seed)  # noqa: S311 - a simulation, the same each time
    arrivals = list(_arrivals(system, rate, seconds, chance))
    environments: dict[int, list[Arrival]] = defaultdict(list)
    for arrival in arrivals:
        environments[0 if system.together else arrival.partition].append(arrival)
    waits = [wait for each in environments.values() for wait in _Environment(system).work(each)]
    return summarize(waits, system.deadline_s, seconds)


def summarize(waits: list[float], deadline_s: float, seconds: float) -> SimulationResult:
    """Return the result of so many logins in so many seconds."""
    answered = sorted(wait for wait in waits if wait <= deadline_s)
    if len(answered) < 2:
        return SimulationResult(len(waits) / seconds, len(answered) / seconds, 0, 0)
    cuts = statistics.quantiles(answered, n=100, method="inclusive")
    return SimulationResult(len(waits) / seconds, len(answered) / seconds, cuts[49], cuts[98])


def _arrivals(
    system: SimulatedSystem, rate: float, seconds: float, chance: random.Random
) -> Iterator[Arrival]:
    now = chance.expovariate(rate)
    while now < seconds:
        yield Arrival(now, chance.randrange(system.partitions))
        now += chance.expovariate(rate)


class _Hash:
    """A login in work; in a batch of one it needs none of the threads."""

    def __init__(self, login: Arrival, begun_s: float, work_s: float, *, alone: bool) -> None:
        self.login = login
        self.begun_s = begun_s
        self.left_s = work_s
        self.alone = alone


class _Environment:
    """One environment of the user function; its threads get equal parts of its processors."""

    def __init__(self, system: SimulatedSystem) -> None:
        self._system = system
        self._now = 0.0
        self._topic: dict[int, deque[Arrival]] = defaultdict(deque)
        self._invoked: Counter[int] = Counter()  # records of each partition's invocation
        self._batch: deque[Arrival] = deque()  # what waits for a thread
        self._running: list[_Hash] = []
        self._mean_s = 0.0
        self._waits: list[float] = []
        self._limit = ConcurrencyLimit(
            soon_s=system.deadline_s / 4, most=_ANY_NUMBER, now=lambda: self._now
        )
        self._admitted: dict[Arrival, ExitStack] = {}

    def work(self, arrivals: list[Arrival]) -> list[float]:
        """Return each login's duration; for a refused or skipped one more than the deadline."""
        for arrival in arrivals:
            self._work_until(arrival.at_s)
            if self._system.together and not self._is_admitted(arrival):
                self._waits.append(2 * self._system.deadline_s)
                continue
            self._topic[arrival.partition].append(arrival)
            self._begin_what_can()
        self._work_until(math.inf)
        return self._waits

    def _is_admitted(self, arrival: Arrival) -> bool:
        with ExitStack() as waiting, suppress(Overloaded):
            waiting.enter_context(self._limit.admitted())
            self._admitted[arrival] = waiting.pop_all()
        return arrival in self._admitted

    def _work_until(self, moment: float) -> None:
        while self._running:
            first = min(self._running, key=lambda each: each.left_s)
            slower = max(1.0, len(self._running) / self._system.processors)
            ends = self._now + first.left_s * slower
            for each in self._running:
                each.left_s -= (min(ends, moment) - self._now) / slower
            self._now = min(ends, moment)
            if ends > moment:
                return
            self._end(first)
        self._now = moment

    def _end(self, done: _Hash) -> None:
        took_s = self._now - done.begun_s
        self._mean_s += _WEIGHT * (took_s - self._mean_s) if self._mean_s else took_s
        self._running.remove(done)
        self._invoked[done.login.partition] -= 1
        self._waits.append(self._now - done.login.at_s + self._system.way_s)
        self._admitted.pop(done.login, ExitStack()).close()
        self._begin_what_can()

    def _begin_what_can(self) -> None:
        while self._invoke() or self._take():
            pass

    def _invoke(self) -> bool:
        """Begin an invocation for a partition with waiting records and no invocation."""
        for partition, waiting in self._topic.items():
            if waiting and not self._invoked[partition]:
                size = min(len(waiting), self._system.batch)
                self._invoked[partition] = size
                if size == 1:
                    self._begin(waiting.popleft(), alone=True)
                else:
                    self._batch.extend(waiting.popleft() for _ in range(size))
                return True
        return False

    def _take(self) -> bool:
        """Let a free thread take the next record of a batch."""
        threads = sum(not each.alone for each in self._running)
        if not self._batch or threads >= self._system.workers:
            return False
        self._begin(self._batch.popleft(), alone=False)
        return True

    def _begin(self, login: Arrival, *, alone: bool) -> None:
        system = self._system
        margin = min(self._mean_s, _LONGEST_S) if system.gives_up_early else 0.0
        if login.at_s + system.deadline_s - self._now <= margin:
            self._waits.append(2 * system.deadline_s)
            self._admitted.pop(login, ExitStack()).close()
            self._invoked[login.partition] -= 1
        else:
            self._running.append(_Hash(login, self._now, system.hash_s, alone=alone))
