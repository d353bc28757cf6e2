"""Requests that arrive at a rate, whether or not earlier ones were answered: an open loop."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from tests.bench.load import Request

_PATIENCE_S = 30.0
_KEPT_S = 3.0  # a server closes what has been idle for longer
_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Answer(NamedTuple):
    """What came of one request.

    Attributes:
        at_s: when it was sent, since the first one.
        status: of HTTP; 0 when there was no answer.
        took_s: until the answer.
    """

    at_s: float
    status: int
    took_s: float


class Arrivals:
    """Sends so many requests a second for a while, on as many connections as that takes."""

    def __init__(
        self, make: Callable[[int], Request], *, per_second: float, seconds: float
    ) -> None:
        self._make = make
        self._per_second, self._seconds = per_second, seconds
        self._idle: list[tuple[float, _Streams]] = []
        self._answers: list[Answer] = []
        parts = urlsplit(make(0).url)
        self._host, self._port = parts.hostname or "", parts.port or 80

    async def run(self) -> list[Answer]:
        """All answers, in the order in which they came."""
        begun = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for number, at_s in enumerate(self._times()):
                due = begun + at_s
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                # The clock starts when it was due: a late sender must not flatter the server.
                tasks.create_task(self._one(number, begun, due))
        for _, (_, writer) in self._idle:
            writer.close()
        return self._answers

    def _times(self) -> Iterator[float]:
        """When each is sent."""
        for number in range(int(self._per_second * self._seconds)):
            yield number / self._per_second

    async def _one(self, number: int, begun: float, due: float) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                status = await self._ask(self._make(number))
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            status = 0
        self._answers.append(Answer(due - begun, status, time.perf_counter() - due))

    async def _ask(self, request: Request) -> int:
        reader, writer = await self._connection()
        writer.write(request.encoded())
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length: ")[2].split(b"\r\n", 1)[0])
        await reader.readexactly(length)
        self._idle.append((time.perf_counter(), (reader, writer)))
        return int(head.split(b" ", 2)[1])

    async def _connection(self) -> _Streams:
        """The one that was used last, or a new one."""
        if self._idle and self._idle[-1][0] > time.perf_counter() - _KEPT_S:
            return self._idle.pop()[1]
        return await asyncio.open_connection(self._host, self._port)


class RandomArrivals(Arrivals):
    """The same, at random: as many people do who know nothing of each other (Poisson)."""

    def __init__(
        self,
        make: Callable[[int], Request],
        *,
        per_second: float,
        seconds: float,
        seed: int,
    ) -> None:
        super().__init__(make, per_second=per_second, seconds=seconds)
        self._chance = random.Random(seed)

    def _times(self) -> Iterator[float]:
        now = self._chance.expovariate(self._per_second)
        while now < self._seconds:
            yield now
            now += self._chance.expovariate(self._per_second)


def statuses(answers: list[Answer]) -> Counter[int]:
    """How often each status came."""
    return Counter(each.status for each in answers)


def centile(answers: list[Answer], share: float) -> float:
    """How long an accepted request took, at most, in that share of the cases; seconds."""
    times = sorted(each.took_s for each in answers if each.status == 200)
    return times[min(len(times) - 1, int(share * len(times)))] if times else 0.0
