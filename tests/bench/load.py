"""A load generator: so many connections, each sending one request after the other."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

import uvloop

_WARM_UP_S = 1.0
_numbers = itertools.count()  # over all loads: no client comes back


class Request(NamedTuple):
    """One HTTP request."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = {}
    body: bytes = b""

    def encoded(self) -> bytes:
        """The request as it is written to the connection."""
        parts = urlsplit(self.url)
        lines = [f"{self.method} {parts.path} HTTP/1.1", f"host: {parts.netloc}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.body:
            lines += ["content-type: application/json", f"content-length: {len(self.body)}"]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


class Result(NamedTuple):
    """What came of it.

    Attributes:
        per_second: answers in a second.
        p50_ms, p99_ms: how long an answer took.
    """

    per_second: float
    p50_ms: float
    p99_ms: float


def load(make: Callable[[int], Request], *, connections: int, seconds: float) -> Result:
    """Send requests for a while, after a second that does not count.

    Args:
        make: the request of a number, so that clients and users can differ.

    Raises:
        RuntimeError: an answer was an error; its number would mean nothing.
    """
    uvloop.run(_send(make, connections, _WARM_UP_S))
    started = time.perf_counter()
    times = uvloop.run(_send(make, connections, seconds))
    took = time.perf_counter() - started
    centiles = statistics.quantiles(times, n=100)
    return Result(len(times) / took, centiles[49] * 1000, centiles[98] * 1000)


async def _send(make: Callable[[int], Request], connections: int, seconds: float) -> list[float]:
    until = time.perf_counter() + seconds
    clients = (_client(make, until) for _ in range(connections))
    return [each for times in await asyncio.gather(*clients) for each in times]


async def _client(make: Callable[[int], Request], until: float) -> list[float]:
    parts = urlsplit(make(0).url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    times = []
    while time.perf_counter() < until:
        raw = make(next(_numbers)).encoded()
        begun = time.perf_counter()
        writer.write(raw)
        await _take_answer(reader)
        times.append(time.perf_counter() - begun)
    writer.close()
    return times


async def _take_answer(reader: asyncio.StreamReader) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    _, _, after = head.partition(b"content-length: ")
    body = await reader.readexactly(int(after.split(b"\r\n", 1)[0]))
    if not head.split(b" ", 2)[1].startswith(b"2"):
        raise RuntimeError((head + body).decode())
