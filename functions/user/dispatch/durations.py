"""Durations of commands, so that none is begun that cannot be answered in time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

_WEIGHT = 0.2  # of the newest one
# One slow moment must not skip all later commands: then no measurement would correct it.
_LONGEST_S = 1.0


class Durations:
    """A moving mean for each topic; threads may share it."""

    def __init__(self) -> None:
        self._means: dict[str, float] = {}

    def of(self, topic: str) -> float:
        """Return the seconds that a command of this topic takes: one at most, 0 while not known."""
        return min(_LONGEST_S, self._means.get(topic, 0.0))

    @contextmanager
    def measured(self, topic: str) -> Iterator[None]:
        """Measure a command that is carried out in the context; one that fails does not count."""
        begun = time.monotonic()
        yield
        took_s = time.monotonic() - begun
        mean = self._means.get(topic, took_s)
        self._means[topic] = mean + _WEIGHT * (took_s - mean)
