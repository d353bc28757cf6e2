"""What ``make dev`` runs: services and programs, and how each is told where the others are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from local import environment, keys, ports, programs
from local.dev.settings import Ports
from local.dev.state import State
from local.environment import Addresses
from local.process import Command
from local.services import apache_kafka, broker, inbox
from local.services.postgres import Postgres
from local.services.redis import Redis

BROKER: Final = broker.NAME
SERVICES: Final = (BROKER, "inbox", "redis", "postgres")
PROGRAMS: Final = (programs.GATEWAY, *programs.FUNCTIONS)


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
        """The broker listens there now."""
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
        """What makes the command of each service and program, by name."""
        return {
            BROKER: self._make_broker,
            "inbox": self._make_inbox,
            "redis": self._make_redis,
            "postgres": self._make_postgres,
            programs.GATEWAY: self._make_gateway,
            "user": self._make_user,
            "notification": self._make_notification,
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

    def _make_user(self) -> Command:
        variables = environment.for_user(self.addresses, self._keys)
        return programs.migrated(programs.worker("user", variables))

    def _make_notification(self) -> Command:
        variables = environment.for_notification(self.addresses, self._keys)
        return programs.worker("notification", variables)
