"""Faults of the parts themselves: killed and started again, as a supervisor does; frozen."""

from __future__ import annotations

from tests.faults.brokers import freeze, thaw
from tests.faults.fault import Act, Fault
from tests.faults.world import World

_DOWN_S = 2.0


def _killed(*names: str) -> Act:
    def act(world: World) -> None:
        for name in names:
            world.system.kill(name)
        world.hold(_DOWN_S)
        world.system.start(*names)

    return act


def _frozen(name: str) -> Act:
    def act(world: World) -> None:
        pid = world.system.pids[name]
        freeze([pid])
        world.hold(_DOWN_S)
        thaw([pid])

    return act


FAULTS = (
    Fault("gateway: kill -9", _killed("gateway")),
    Fault("user worker: kill -9", _killed("user")),
    Fault("notification worker: kill -9", _killed("notification"), copies=True),
    Fault("all three: kill -9", _killed("gateway", "user", "notification"), copies=True),
    Fault("user worker: frozen", _frozen("user")),
)
