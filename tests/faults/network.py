"""Faults between the parts: slow, cut, half-open."""

from __future__ import annotations

from collections.abc import Callable

from tests.faults.fault import Act, Fault
from tests.faults.proxy import Link
from tests.faults.world import World

_HOLD_S = 3.0
_DELAY_S = 0.05

_Choose = Callable[[World], Link]
_WAYS: dict[str, _Choose] = {
    "PostgreSQL": lambda world: world.postgres_link,
    "Redis": lambda world: world.redis_link,
    "SMTP": lambda world: world.smtp_link,
    "clients": lambda world: world.http_link,
}


def _slow(world: World) -> None:
    for link in world.links:
        link.slow(_DELAY_S)
    world.hold(_HOLD_S)
    for link in world.links:
        link.heal()


def _cut(choose: _Choose) -> Act:
    def act(world: World) -> None:
        choose(world).cut()
        world.hold(_HOLD_S)
        choose(world).heal()

    return act


def _half_open(choose: _Choose) -> Act:
    def act(world: World) -> None:
        choose(world).swallow()
        world.hold(_HOLD_S)
        choose(world).heal()

    return act


FAULTS = (
    Fault("network: 100 ms more to each part", _slow),
    *(
        Fault(f"network: {name} cut", _cut(way), copies=name == "SMTP")
        for name, way in _WAYS.items()
    ),
    *(
        Fault(f"network: {name} half-open", _half_open(way), copies=name == "SMTP")
        for name, way in _WAYS.items()
    ),
)
