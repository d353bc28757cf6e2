"""The delay between two attempts."""

from __future__ import annotations

import random

import msgspec


class BackoffPolicy(msgspec.Struct, frozen=True):
    """Exponential back-off with jitter.

    Attributes:
        first_s: seconds before the first retry; each further one waits twice as long.
        longest_s: seconds that no delay exceeds, but for the jitter.
    """

    first_s: float = 0.5
    longest_s: float = 60.0

    def delay_s(self, failures: int) -> float:
        """Return the seconds to wait after ``failures`` failures in a row, ±20 %."""
        jitter = random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, keeps no secret
        doubled: float = self.first_s * 2 ** min(failures - 1, 30)
        return min(self.longest_s, doubled) * jitter
