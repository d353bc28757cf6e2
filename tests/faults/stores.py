"""Faults of PostgreSQL and Redis: gone, gone with what they knew, connections cut."""

from __future__ import annotations

from tests.faults.fault import Fault
from tests.faults.world import Service, World

_DOWN_S = 3.0
_CUTS = 5
_APPLICATION = "user"  # what the user function calls itself to PostgreSQL


def _away(world: World, service: Service) -> None:
    service.stop()
    world.hold(_DOWN_S)
    service.start()


def _postgres_restarted(world: World) -> None:
    world.postgres.stop()
    world.postgres.start()


def _postgres_killed(world: World) -> None:
    world.postgres.kill()
    world.postgres.start()


def _connections_cut(world: World) -> None:
    for _ in range(_CUTS):
        with world.database() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = %s",
                (_APPLICATION,),
            )
        world.hold(_DOWN_S / _CUTS)


def _redis_forgets(world: World) -> None:
    world.redis.kill()
    world.forget_redis()
    world.redis.start()


FAULTS = (
    Fault("PostgreSQL: stopped for 3 s", lambda world: _away(world, world.postgres)),
    Fault("PostgreSQL: restarted", _postgres_restarted),
    Fault("PostgreSQL: kill -9 and crash recovery", _postgres_killed),
    Fault("PostgreSQL: connections cut, 5 times", _connections_cut),
    Fault("Redis: gone for 3 s and back", lambda world: _away(world, world.redis)),
    Fault("Redis: gone with its data", _redis_forgets),
)
