"""Faults of the mail server, and the way back from an on-failure destination."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping

from local.process import module
from shared.contract.topics import NOTIFICATION_FAILED
from tests.faults.fault import Act, Fault
from tests.faults.invariants import on_failure
from tests.faults.postbox import Mood
from tests.faults.world import World
from tests.services import eventually

_DOWN_S = 3.0
_RETRIES_S = 60.0  # five, each after twice as long as the one before; and a slow machine


def _in_a_mood(mood: Mood) -> Act:
    def act(world: World) -> None:
        world.postbox.mood = mood
        world.hold(_DOWN_S)
        world.postbox.mood = "takes"

    return act


def _away_too_long(world: World) -> Mapping[str, int]:
    before = on_failure(world)[NOTIFICATION_FAILED]
    world.postbox.mood = "refuses"
    eventually(lambda: on_failure(world)[NOTIFICATION_FAILED] > before, _RETRIES_S, every=0.5)
    world.postbox.mood = "takes"
    world.hold(_DOWN_S)  # what was just given up is written down
    replay(world.broker.address, f"kafka://{NOTIFICATION_FAILED}")
    return {NOTIFICATION_FAILED: on_failure(world)[NOTIFICATION_FAILED] - before}


def replay(servers: str, destination: str) -> str:
    """Put back what a destination holds; what the command has said."""
    command = module("lambda_esm", "replay", destination, "--bootstrap-servers", servers)
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


FAULTS = (
    Fault("SMTP: refuses (451)", _in_a_mood("refuses")),
    Fault("SMTP: slow", _in_a_mood("slow")),
    Fault("SMTP: takes the data, then fails", _in_a_mood("fails after the data")),
    Fault("SMTP: keeps it, hangs up", _in_a_mood("keeps it and hangs up"), copies=True),
    Fault("SMTP: away past all retries, then replayed", _away_too_long),
)
