"""How many requests may wait for answers at the same time.

Past what a service can do, a longer queue only makes every answer later, until all come after their
deadlines and the work is wasted. So no more may wait than are answered soon, at the rate at which
answers come while there is something to wait for (Little's law).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shared.contract.errors import Overloaded, Refusal

# So many may always wait: a pause of the other side must not shut out all requests.
_LEAST = 8
# The rate is known after this share of the time in which an answer is soon.
_KNOWN_AFTER = 0.2
_REMEMBERED = 100_000


class ConcurrencyLimit:
    """A bound on the requests that wait for one kind of answer; used from one thread.

    Args:
        soon_s: how long an answer may take.
        most: never admit more than so many.
        now: monotonic seconds.

    Attributes:
        waiting: how many wait now.
    """

    def __init__(
        self, *, soon_s: float, most: int, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._soon_s = soon_s
        self._most = most
        self._now = now
        self._busy_since = 0.0
        self._answered: deque[float] = deque(maxlen=_REMEMBERED)
        self.waiting = 0

    @property
    def limit(self) -> float:
        """The number of requests that may wait now."""
        now = self._now()
        while self._answered and self._answered[0] < now - self._soon_s:
            self._answered.popleft()
        seen_s = min(now - self._busy_since, self._soon_s)
        if not self.waiting or seen_s < self._soon_s * _KNOWN_AFTER:
            return self._most
        soon = len(self._answered) * self._soon_s / seen_s
        return min(self._most, max(_LEAST, soon))

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Count a request as waiting while the block runs; a refusal is an answer, too.

        Raises:
            Overloaded: as many wait as can be answered soon.
        """
        if self.waiting >= self.limit:
            raise Overloaded("Too many requests are waiting.")
        if not self.waiting:
            self._busy_since = self._now()
            self._answered.clear()
        self.waiting += 1
        try:
            yield
            self._answered.append(self._now())
        except Refusal:
            self._answered.append(self._now())
            raise
        finally:
            self.waiting -= 1
