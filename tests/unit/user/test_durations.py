"""How long a command will take, from how long others took."""

from __future__ import annotations

import time
from contextlib import suppress

from user.dispatch.durations import Durations


def work(durations: Durations, seconds: float) -> None:
    with durations.measured("topic"):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.001)


def test_what_is_not_known_takes_no_time() -> None:
    assert Durations().of("topic") == 0


def test_as_long_as_others_of_its_topic() -> None:
    durations = Durations()

    work(durations, 0.02)

    assert durations.of("topic") >= 0.02
    assert durations.of("another") == 0


def test_a_second_at_most_so_that_some_are_always_tried() -> None:
    durations = Durations()

    work(durations, 1.1)

    assert durations.of("topic") == 1


def test_a_command_that_fails_says_nothing() -> None:
    durations = Durations()

    with suppress(OSError), durations.measured("topic"):
        raise OSError

    assert durations.of("topic") == 0
