"""Concurrency limit: what may wait follows what is answered soon."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress

from shared.bus.concurrency_limit import ConcurrencyLimit
from shared.contract.errors import Overloaded, Refusal

LEAST = 8


def crowd(limit: ConcurrencyLimit, size: int) -> ExitStack:
    """So many requests that wait until the stack is closed."""
    stack = ExitStack()
    for _ in range(size):
        stack.enter_context(limit.admitted())
    return stack


def refuses(limit: ConcurrencyLimit) -> bool:
    try:
        with limit.admitted():
            return False
    except Overloaded:
        return True


def pass_time(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() <= end:
        time.sleep(0.001)


def test_a_burst_is_let_in_before_anything_is_known() -> None:
    limit = ConcurrencyLimit(soon_s=60, most=1000)

    with crowd(limit, 100):
        assert limit.waiting == 100


def test_never_more_than_the_most() -> None:
    limit = ConcurrencyLimit(soon_s=60, most=3)

    with crowd(limit, 3):
        assert refuses(limit)
    assert not refuses(limit)


def test_when_nothing_is_answered_only_a_few_may_wait() -> None:
    limit = ConcurrencyLimit(soon_s=0.2, most=1000)

    with crowd(limit, LEAST):
        pass_time(0.1)
        assert refuses(limit)


def test_as_many_may_wait_as_were_answered_in_the_time_that_an_answer_may_take() -> None:
    limit = ConcurrencyLimit(soon_s=60, most=1000)
    with crowd(limit, 1):
        crowd(limit, 100).close()  # a hundred answers
        limit._busy_since -= 60  # in a minute

        waiting = crowd(limit, 99)
        assert refuses(limit)
        waiting.close()


def test_when_all_are_answered_everybody_may_come() -> None:
    limit = ConcurrencyLimit(soon_s=0.2, most=1000)
    with crowd(limit, LEAST):
        pass_time(0.1)

    with crowd(limit, 100):
        assert limit.waiting == 100


def test_a_refusal_is_an_answer() -> None:
    limit = ConcurrencyLimit(soon_s=60, most=1000)
    with crowd(limit, LEAST):
        for _ in range(40):
            with suppress(Refusal), limit.admitted():
                raise Refusal("no")
        limit._busy_since -= 60

        assert not refuses(limit)
    assert limit.waiting == 0
