"""The parts of ``make dev``: services and programs, each with the addresses of the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from local import environment, keys, ports, programs
from local.dev.settings import Ports
from local.dev.state import State
from local.environment import Addresses
from local.process import Command
from local.project import FUNCTIONS, GATEWAY
from local.services import apache_kafka, broker, inbox
from local.services.postgres import Postgres
from local.services.redis import Redis

BROKER: Final = broker.NAME
SERVICES: Final = (BROKER, "inbox", "redis", "postgres")
PROGRAMS: Final = (GATEWAY, *FUNCTIONS)
NEEDS_DATABASE: Final = "user"
"""The program that cannot be prepared before PostgreSQL runs: it migrates."""


class System:
    """Makes the command of each part from the addresses as they are known at that moment.

    Args:
        state: where data are kept.
        chosen: the ports of all but the broker, which chooses its own.
        apache_kafka: whether Apache Kafka is the broker, instead of librdkafka's mock cluster.
    """

    def __init__(self, state: State, chosen: Ports, *, apache_kafka: bool = False) -> None:
        self.postgres = Postgres(state / "postgres", chosen.postgres)
        self._redis = Redis(state / "redis", chosen.redis)
        self._inbox = state / "inbox"
        self._apache_kafka = state / "kafka" if apache_kafka else None
        self._ports = chosen
        self._keys = keys.load_or_make(state / "keys.json")
        self._kafka = ""

    def found_broker(self, address: str) -> None:
        """Take note of where the broker listens now."""
        self._kafka = address

    @property
    def addresses(self) -> Addresses:
        """Where everything is; known when all services are prepared and the broker has started."""
        return Addresses(
            api=f"http://{ports.HOST}:{self._ports.api}",
            inbox=f"http://{ports.HOST}:{self._ports.inbox}",
            kafka=self._kafka,
            database=self.postgres.url,
            redis=self._redis.url,
            smtp=f"smtp://{ports.HOST}:{self._ports.smtp}",
            embedded_broker=self._apache_kafka is None,
        )

    def parts(self) -> Mapping[str, Callable[[], Command]]:
        """Return what makes the command of each service and program, by name."""
        return {
            BROKER: self._make_broker,
            "inbox": self._make_inbox,
            "redis": self._make_redis,
            "postgres": self._make_postgres,
            GATEWAY: self._make_gateway,
            **{name: partial(self._make_function, name) for name in FUNCTIONS},
        }

    def _make_broker(self) -> Command:
        if self._apache_kafka is None:
            return broker.command()
        return apache_kafka.command(self._apache_kafka)

    def _make_inbox(self) -> Command:
        chosen = self._ports
        return inbox.command(self._inbox, http_port=chosen.inbox, smtp_port=chosen.smtp)

    def _make_redis(self) -> Command:
        self._redis.prepare()
        return self._redis.command()

    def _make_postgres(self) -> Command:
        self.postgres.prepare()
        return self.postgres.command()

    def _make_gateway(self) -> Command:
        return programs.gateway(
            environment.for_gateway(self.addresses, self._keys, self._ports.api)
        )

    def _make_function(self, name: str) -> Command:
        variables = environment.for_function(name, self.addresses, self._keys)
        command = programs.worker(name, variables)
        return programs.migrated(command) if name == NEEDS_DATABASE else command
