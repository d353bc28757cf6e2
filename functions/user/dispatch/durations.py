"""How long commands take, so that none is begun that cannot be answered in time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

_WEIGHT = 0.2  # of the newest one
# One bad moment must not have all later commands skipped, and so never be corrected.
_LONGEST_S = 1.0


class Durations:
    """A moving mean for each topic; threads may share it."""

    def __init__(self) -> None:
        self._means: dict[str, float] = {}

    def of(self, topic: str) -> float:
        """Seconds that a command of this topic takes, a second at most; 0 while not known."""
        return min(_LONGEST_S, self._means.get(topic, 0.0))

    @contextmanager
    def measured(self, topic: str) -> Iterator[None]:
        """Carry out a command in here; one that fails is not counted."""
        begun = time.monotonic()
        yield
        took_s = time.monotonic() - begun
        mean = self._means.get(topic, took_s)
        self._means[topic] = mean + _WEIGHT * (took_s - mean)
