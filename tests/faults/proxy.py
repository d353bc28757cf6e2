"""A TCP proxy that can be slow, cut, or swallow everything: the network between two parts."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from threading import Thread
from typing import Any, Self

_CHUNK = 65_536


class Network:
    """Runs proxies on an event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="network", daemon=True)
        self._links: list[Link] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for link in self._links:
            self.call(link.close)
        self.run(_end_tasks())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def link(self, port: int) -> Link:
        """A new way to a port of 127.0.0.1."""
        link = Link(self, port)
        self._links.append(link)
        self.run(link.listen())
        return link

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run something on the loop, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def call(self, function: Callable[[], None]) -> None:
        """Call something on the loop, and wait for it."""

        async def called() -> None:
            function()

        self.run(called())


class Link:
    """One way from here to a server.

    Attributes:
        port: where this end listens.
    """

    def __init__(self, network: Network, target: int) -> None:
        self._network, self._target = network, target
        self._writers: set[asyncio.StreamWriter] = set()
        self._flows = asyncio.Event()
        self._delay_s = 0.0
        self._is_cut = False
        self._server: asyncio.Server | None = None
        self.port = 0

    async def listen(self) -> None:
        """Begin, in order."""
        self._flows.set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """End for good; called on the loop."""
        if self._server is not None:
            self._server.close()
        self._abort()

    def slow(self, seconds: float) -> None:
        """Delay every piece, each way."""
        self._delay_s = seconds

    def cut(self) -> None:
        """Break all connections, and every new one."""
        self._is_cut = True
        self._network.call(self._abort)

    def swallow(self) -> None:
        """Stay connected and let nothing through: what a lost route or a half-open socket is."""
        self._network.call(self._flows.clear)

    def heal(self) -> None:
        """In order again; what was held back arrives."""
        self._is_cut, self._delay_s = False, 0.0
        self._network.call(self._flows.set)

    def _abort(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        try:
            there = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, there[1]}
        self._writers |= ends
        try:
            await asyncio.gather(self._pump(reader, there[1]), self._pump(there[0], writer))
        finally:
            self._writers -= ends

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(_CHUNK):
                if self._delay_s:
                    await asyncio.sleep(self._delay_s)
                await self._flows.wait()
                writer.write(piece)
                await writer.drain()
        writer.close()


async def _end_tasks() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
