"""Repeat the suite beside a process that takes half of the machine: ``make stress N=5``.

A test that fails once in a hundred runs is a defect, of the test or of the product. Each run's
output is kept in ``build/stress``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from local.process import Command, Group, Process

_LOGS = Path(__file__).parents[1] / "build" / "stress"
_SPIN = (sys.executable, "-c", "while True: pass")
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


def main(runs: int, *pytest: str) -> int:
    """Run pytest again and again, and tell what failed how often.

    Returns:
        0 when every run passed.
    """
    _LOGS.mkdir(parents=True, exist_ok=True)
    failed: Counter[str] = Counter()
    with Group() as group:
        for number in range(max(1, (os.cpu_count() or 1) // 2)):
            Process(Command(f"spin {number}", _SPIN, os.environ), group)
        for run in range(1, runs + 1):
            begun = time.monotonic()
            log = _LOGS / f"{run}.log"
            with log.open("w") as output:
                status = subprocess.call(
                    [sys.executable, "-m", "pytest", *pytest], stdout=output, stderr=output
                )
            text = log.read_text()
            here = _FAILED.findall(text) or ([f"pytest ended with {status}"] if status else [])
            failed.update(here)
            last = text.rstrip().rpartition("\n")[2].strip("= ")
            _say(f"run {run} of {runs}: {last} ({time.monotonic() - begun:.0f} s; {log})")
    for test, times in failed.most_common():
        _say(f"{times} of {runs}: {test}")
    return 1 if failed else 0


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command's output


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), *sys.argv[2:]))
