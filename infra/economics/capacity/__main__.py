"""Simulate, print a table, and draw it.

``python -m infra.economics.capacity --plot capacity.svg``
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from infra.economics.capacity import measured
from infra.economics.capacity.plot import SYSTEMS, curve, draw


def table() -> Iterator[str]:
    """Return a line for each system and load, as Markdown."""
    yield "| system | limit, logins/s | offered/s | answered/s | p50 | p99 |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, system in SYSTEMS.items():
        for outcome in curve(system)[4::4]:
            yield (
                f"| {name} | {system.limit:.0f} | {outcome.offered:.1f} | {outcome.answered:.1f} "
                f"| {outcome.p50_s:.2f} s | {outcome.p99_s:.2f} s |"
            )


def main() -> None:
    """Print the tables, and draw them if a file is named."""
    parser = argparse.ArgumentParser(prog="make capacity", description=__doc__)
    parser.add_argument("--plot", type=Path, help="SVG file to write")
    given = parser.parse_args()
    sys.stdout.write("\n".join([*table(), "", *measured.table()]) + "\n")
    if given.plot:
        draw(given.plot)


if __name__ == "__main__":
    main()
