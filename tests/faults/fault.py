"""One fault, from the load before it to the row in the table after it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from tests.faults.invariants import check, on_failure
from tests.faults.people import Crowd
from tests.faults.world import World
from tests.services import eventually

PEOPLE = 5
_BEFORE, _AFTER = 15, 20  # acknowledged requests that show that it works
RECOVERY_S = 90.0

Act = Callable[[World], Mapping[str, int] | None]


@dataclass(frozen=True)
class Fault:
    """What is done.

    Attributes:
        name: in the table.
        act: does it and undoes it; returns how many records must then be in each on-failure
            destination, when there must be any.
        skip: why it cannot be done here, or nothing.
        opens: a world of its own, when it needs one.
        copies: a mail may come a second time under the same Message-ID (docs/notifications.md,
            "Once, and when not").
        wrong: answers that are right while it lasts, and wrong otherwise.
    """

    name: str
    act: Act
    skip: Callable[[], str] = lambda: ""
    opens: Callable[[], AbstractContextManager[World]] | None = None
    copies: bool = False
    wrong: frozenset[str] = frozenset()


@dataclass
class Row:
    """What came of it.

    Attributes:
        outcomes: requests acknowledged, refused, unanswered.
        slowest_s: the longest that a client waited for an answer.
        recovered_s: from the end of the fault until requests are answered as before.
        drained_s: from then until no record waits.
        failed: records in the on-failure destinations.
        problems: what did not hold.
    """

    name: str
    outcomes: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    recovered_s: float = 0.0
    drained_s: float = 0.0
    registered: int = 0
    rows: int = 0
    mails: int = 0
    copies: int = 0
    failed: int = 0
    problems: list[str] = field(default_factory=list)
    skipped: str = ""


def undergo(world: World, fault: Fault, seed: str) -> Row:
    """Do a fault to a system under load, and look at what is left of it."""
    row = Row(fault.name)
    failed_before = on_failure(world)
    # The name makes the addresses of two faults differ, and each fault repeatable by itself.
    crowd = Crowd(world.url, world.postbox, f"{seed}-{_slug(fault.name)}", PEOPLE)
    with crowd:
        crowd.wait_acknowledged(_BEFORE, RECOVERY_S)
        expected = fault.act(world) or {}
        row.recovered_s = _timed(lambda: _recover(world, crowd))
    row.drained_s = _timed(lambda: eventually(lambda: world.records.lag() == 0, RECOVERY_S, 0.2))
    row.outcomes, row.slowest_s = crowd.said.outcomes, crowd.said.slowest_s
    found = check(world, crowd.accounts, copies_allowed=fault.copies)
    row.registered, row.rows, row.mails = found.registered, found.rows, found.mails
    row.copies, row.problems = found.copies, found.problems
    new = on_failure(world) - failed_before
    row.failed = new.total()
    if new != Counter(expected):
        row.problems.append(f"on-failure destinations hold {dict(new)}, not {dict(expected)}")
    row.problems += [
        f"{times} x {what}" for what, times in crowd.said.wrong.items() if what not in fault.wrong
    ]
    return row


def _recover(world: World, crowd: Crowd) -> None:
    world.system.wait_ready(RECOVERY_S)
    crowd.wait_acknowledged(_AFTER, RECOVERY_S)


def _timed(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def _slug(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name.lower())
