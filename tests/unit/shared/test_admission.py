"""Admission: what may wait follows what is answered soon."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress

from shared.bus.concurrency_limit import Admission
from shared.contract.errors import Overloaded, Refusal

LEAST = 8


def crowd(admission: Admission, size: int) -> ExitStack:
    """So many requests that wait until the stack is closed."""
    stack = ExitStack()
    for _ in range(size):
        stack.enter_context(admission.admitted())
    return stack


def refuses(admission: Admission) -> bool:
    try:
        with admission.admitted():
            return False
    except Overloaded:
        return True


def pass_time(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() <= end:
        time.sleep(0.001)


def test_a_burst_is_let_in_before_anything_is_known() -> None:
    admission = Admission(soon_s=60, most=1000)

    with crowd(admission, 100):
        assert admission.waiting == 100


def test_never_more_than_the_most() -> None:
    admission = Admission(soon_s=60, most=3)

    with crowd(admission, 3):
        assert refuses(admission)
    assert not refuses(admission)


def test_when_nothing_is_answered_only_a_few_may_wait() -> None:
    admission = Admission(soon_s=0.2, most=1000)

    with crowd(admission, LEAST):
        pass_time(0.1)
        assert refuses(admission)


def test_as_many_may_wait_as_were_answered_in_the_time_that_an_answer_may_take() -> None:
    admission = Admission(soon_s=60, most=1000)
    with crowd(admission, 1):
        crowd(admission, 100).close()  # a hundred answers
        admission._busy_since -= 60  # in a minute

        waiting = crowd(admission, 99)
        assert refuses(admission)
        waiting.close()


def test_when_all_are_answered_everybody_may_come() -> None:
    admission = Admission(soon_s=0.2, most=1000)
    with crowd(admission, LEAST):
        pass_time(0.1)

    with crowd(admission, 100):
        assert admission.waiting == 100


def test_a_refusal_is_an_answer() -> None:
    admission = Admission(soon_s=60, most=1000)
    with crowd(admission, LEAST):
        for _ in range(40):
            with suppress(Refusal), admission.admitted():
                raise Refusal("no")
        admission._busy_since -= 60

        assert not refuses(admission)
    assert admission.waiting == 0
