"""The simulation beside a system under load: ``make bench-logins`` measures, on one machine."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from infra.economics.capacity.simulation import SimulatedSystem, SimulationResult, simulate

_MEASURED: Final = Path(__file__).with_name("measured.json")
_SECONDS: Final = 1_800  # chance evens out


class Row(msgspec.Struct, frozen=True):
    """The result of one rate of logins.

    Attributes:
        offered, answered, refused: logins a second.
        p50_s, p99_s: durations of the answered logins.
        hash_s: duration of a hash before and after, while all processors hashed.
    """

    offered: float
    answered: float
    refused: float
    p50_s: float
    p99_s: float
    hash_s: float


class Measurement(msgspec.Struct, frozen=True):
    """One measurement, of ``seconds`` at each rate; the rest is as in :class:`SimulatedSystem`."""

    day: str
    processors: int
    workers: int
    seconds: float
    way_s: float
    rows: tuple[Row, ...]

    def system(self, row: Row) -> SimulatedSystem:
        """Return the machine of a row's measurement, for the simulation."""
        return SimulatedSystem(
            processors=self.processors,
            workers=self.workers,
            hash_s=row.hash_s,
            way_s=self.way_s,
            together=True,
        )


class Pair(NamedTuple):
    """One rate, measured and simulated."""

    measured: Row
    simulated: SimulationResult


def last_measurement() -> Measurement:
    """Return the last measurement."""
    return msgspec.json.decode(_MEASURED.read_bytes(), type=Measurement)


@cache
def pairs() -> tuple[Pair, ...]:
    """Return each measured rate, with the simulation's result for it."""
    found = last_measurement()
    return tuple(
        Pair(row, simulate(found.system(row), row.offered, seconds=_SECONDS)) for row in found.rows
    )


def table() -> Iterator[str]:
    """Return both side by side, as Markdown; a ratio is measured over simulated."""
    yield "| a hash | limit/s | offered/s | answered/s | p50 | p99 |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for row, said in pairs():
        cells = (
            f"{row.hash_s:.2f} s",
            f"{last_measurement().system(row).limit:.1f}",
            f"{row.offered:.1f}",
            _cell(row.answered, said.answered, ""),
            _cell(row.p50_s, said.p50_s, " s"),
            _cell(row.p99_s, said.p99_s, " s"),
        )
        yield f"| {' | '.join(cells)} |"


def _cell(measured: float, simulated: float, unit: str) -> str:
    return f"{measured:.2f}{unit}, {simulated:.2f}{unit}: {measured / simulated:.2f}"
