"""``make faults``: every fault, one table. ``SEED=7`` repeats a run; ``ONLY=`` is a pattern."""

from __future__ import annotations

import logging
import os
import re
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import ExitStack

from tests.faults import bus, clock, disk, mail, network, parts, poison, stores
from tests.faults.fault import Fault, Row, undergo
from tests.faults.table import head, line
from tests.faults.world import World, open_world

FAULTS: tuple[Fault, ...] = (
    *parts.FAULTS,
    *stores.FAULTS,
    *mail.FAULTS,
    *network.FAULTS,
    *bus.FAULTS,
    *poison.FAULTS,
    *clock.FAULTS,
    *disk.FAULTS,
)


class Worlds:
    """A world for one fault after the other; a new one when a fault has left it broken."""

    def __init__(self, stack: ExitStack) -> None:
        self._outer = stack
        self._inner: ExitStack | None = None
        self._world: World | None = None

    def get(self) -> World:
        """One that works."""
        if self._world is None:
            self._inner = self._outer.enter_context(ExitStack())
            self._world = self._inner.enter_context(open_world())
        return self._world

    def drop(self) -> None:
        """It is not to be used again."""
        if self._inner is not None:
            self._inner.close()
        self._world = None


def main() -> int:
    """Do them all; 1 when something did not hold."""
    logging.basicConfig(level=logging.CRITICAL)  # that brokers go and come is meant
    seed = os.environ.get("SEED") or str(int(time.time()))
    chosen = [each for each in FAULTS if re.search(os.environ.get("ONLY", ""), each.name)]
    _say(f"seed {seed}; broker: {os.environ.get('KAFKA', 'embedded')}\n\n{head()}")
    begun = time.monotonic()
    with ExitStack() as stack:
        rows = list(_rows(Worlds(stack), chosen, seed))
    broken = [row for row in rows if row.problems]
    done = [row for row in rows if not row.skipped]
    _say(f"\n{len(done)} faults in {time.monotonic() - begun:.0f} s, {len(broken)} broken")
    return 1 if broken else 0


def _rows(worlds: Worlds, faults: list[Fault], seed: str) -> Iterator[Row]:
    for fault in faults:
        row = _row(worlds, fault, seed)
        _say(line(row))
        if row.problems:
            worlds.drop()
        yield row


def _row(worlds: Worlds, fault: Fault, seed: str) -> Row:
    reason = fault.skip()
    if reason:
        return Row(fault.name, skipped=reason)
    try:
        if fault.opens is None:
            return undergo(worlds.get(), fault, seed)
        with fault.opens() as world:
            return undergo(world, fault, seed)
    except Exception as error:  # noqa: BLE001 - a row tells it, and the next fault has its turn
        traceback.print_exc()
        return Row(
            fault.name, problems=[f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"]
        )


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
