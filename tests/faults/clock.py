"""Clocks that step, by libfaketime: each process has its own.

No more than a minute. librdkafka reads the clock on the wall, adds how long it will wait, and waits
until then. libfaketime shifts what it reads and not what it waits by, so that a step ahead makes a
wait longer, as on a real machine a step back does (docs/operations.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.fault import Act, Fault
from tests.faults.world import World, open_world

_HOLD_S = 4.0
_LIBRARY = "libfaketimeMT.so.1"
_FOLDERS = ("/usr/lib", "/usr/local/lib", "/usr/lib64")
_EVERYBODY = ("gateway", "user", "notification")
# Tokens of another minute are refused, as they should be.
_TOKENS = frozenset({"PATCH /profile 401", "GET /profile 401", "POST /password/reset 400"})


@contextmanager
def _with_clocks() -> Iterator[World]:
    """A world whose processes read their clock's error from a file."""
    with open_world(start=False) as world:
        for name, command in world.system._commands.items():
            _clock(world, name).write_text("+0")
            clock = {
                "LD_PRELOAD": str(_library()),
                "FAKETIME_TIMESTAMP_FILE": str(_clock(world, name)),
                "FAKETIME_CACHE_DURATION": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            }
            world.system._commands[name] = command._replace(env={**command.env, **clock})
        world.system.start()
        yield world


def _stepped(error: str, *names: str) -> Act:
    def act(world: World) -> None:
        for name in names:
            _clock(world, name).write_text(error)
        world.hold(_HOLD_S)
        for name in names:
            _clock(world, name).write_text("+0")

    return act


def _clock(world: World, name: str) -> Path:
    return world.folder / f"clock-{name}"


def _library() -> Path | None:
    found = (path for folder in _FOLDERS for path in Path(folder).glob(f"**/{_LIBRARY}"))
    return next(found, None)


def _skip() -> str:
    return "" if _library() else f"needs {_LIBRARY} (apt-get install faketime)"


FAULTS = (
    Fault("clock: user worker a minute ahead", _stepped("+60", "user"), _skip, _with_clocks),
    Fault(
        "clock: gateway a minute behind",
        _stepped("-60", "gateway"),
        _skip,
        _with_clocks,
        wrong=_TOKENS,
    ),
    Fault(
        "clock: gateway a minute ahead",
        _stepped("+60", "gateway"),
        _skip,
        _with_clocks,
        wrong=_TOKENS,  # those that it has given out meanwhile, once its clock is right again
    ),
    Fault(
        "clock: all a minute ahead, and back",
        _stepped("+60", *_EVERYBODY),
        _skip,
        _with_clocks,
        wrong=_TOKENS,
    ),
)
