"""A whole system with something in the way of each of its connections, to do faults to."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event

import psycopg

from local import keys as key_files
from local import ports
from local.environment import Addresses
from local.process import Command, Group, Process, StartError
from local.services.postgres import Postgres
from local.services.redis import Redis
from tests.faults.brokers import Broker, open_broker
from tests.faults.postbox import Postbox
from tests.faults.proxy import Link, Network
from tests.faults.records import Records
from tests.services import PATIENCE_S, Inbox, System, eventually, migrate

# Short, so that an outage of some seconds outlasts a request and not much else.
_USUAL = {"BCRYPT_COST": "4", "REPLY_TIMEOUT_MS": "6000", "SEND_TIMEOUT_S": "5"}
# Every person of the load has an address of their own; checks come from one.
_LIMITS = {"RATE_LIMIT_REQUESTS": "100000", "ATTEMPTS_PER_ADDRESS": "100000"}


class Service:
    """A server that can be stopped, killed and started again."""

    def __init__(self, prepare: Callable[[], None], command: Command, group: Group) -> None:
        self._prepare, self._command, self._group = prepare, command, group
        self._process: Process | None = None

    def start(self) -> None:
        """Start it, and wait until it is ready. What a killed one left may need a moment to go."""
        eventually(self._starts, PATIENCE_S, every=0.2)

    def stop(self) -> None:
        """End it in good order; nothing when it has ended."""
        if self._process is not None and self._process.exit_code is None:
            self._process.stop()

    def kill(self) -> None:
        """``kill -9``."""
        if self._process is not None:
            self._process.kill()

    def _starts(self) -> bool:
        self._prepare()
        self._process = Process(self._command, self._group)
        try:
            self._process.wait_ready(PATIENCE_S)
        except StartError:
            return False
        return True

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._process is not None and self._process.exit_code is None


class World:
    """The system, its services, and the ways between them.

    Args:
        disk: where PostgreSQL keeps its data, when not with the rest.
        variables: for all processes of the system.

    Attributes:
        folder: for what belongs to this world.
        postgres_data: where PostgreSQL keeps its data.
    """

    def __init__(
        self,
        stack: ExitStack,
        *,
        disk: Path | None = None,
        variables: dict[str, str] | None = None,
    ) -> None:
        group = stack.enter_context(Group())
        self.folder = folder = Path(tempfile.mkdtemp(prefix="faults-"))
        folder.chmod(0o755)  # PostgreSQL, under root, has to reach its data
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        self.network = stack.enter_context(Network())
        self.postbox = stack.enter_context(Postbox())
        self.broker: Broker = open_broker(folder / "kafka", group, stack)
        self.records = stack.enter_context(
            Records(self.broker.address, embedded=not self.broker.keeps)
        )
        self.postgres_data = disk or folder / "postgres"
        self._postgres = Postgres(self.postgres_data, ports.any_free())
        self._redis = Redis(folder / "redis", ports.any_free(), durable=True)
        self._redis_data = folder / "redis"
        self.postgres = self._service(self._postgres, group, stack)
        self.redis = self._service(self._redis, group, stack)
        migrate(self._postgres.url, group)
        self.postgres_link = self.network.link(self._postgres.port)
        self.redis_link = self.network.link(self._redis.port)
        self.smtp_link = self.network.link(self.postbox.port)
        self.system = self._open_system({**_USUAL, **_LIMITS, **(variables or {})})
        stack.callback(self.system.close)
        self.http_link = self.network.link(int(self.system.url.rpartition(":")[2]))
        self.url = f"http://127.0.0.1:{self.http_link.port}"

    @property
    def links(self) -> tuple[Link, ...]:
        """All ways that have a proxy; Kafka's clients go where the broker tells them to."""
        return self.postgres_link, self.redis_link, self.smtp_link, self.http_link

    def forget_redis(self) -> None:
        """Delete what Redis has kept; it must not be running."""
        shutil.rmtree(self._redis_data / "appendonlydir", ignore_errors=True)
        for file in self._redis_data.glob("*.aof"):
            file.unlink()

    @contextmanager
    def database(self) -> Iterator[psycopg.Connection]:
        """A connection of one's own, past the proxy."""
        with psycopg.connect(self._postgres.url, autocommit=True) as connection:
            yield connection

    def hold(self, seconds: float) -> None:
        """Let a fault last."""
        Event().wait(seconds)

    def repair(self) -> None:
        """Whatever was done: all as it should be."""
        for link in self.links:
            link.heal()
        self.postbox.mood = "takes"
        for service in (self.postgres, self.redis):
            if not service.runs:
                service.start()
        for name in {"gateway", "user", "notification"} - self.system.pids.keys():
            self.system.start(name)

    def _service(self, made: Postgres | Redis, group: Group, stack: ExitStack) -> Service:
        made.prepare()
        service = Service(made.prepare, made.command(), group)
        service.start()
        stack.callback(service.stop)
        return service

    def _open_system(self, variables: dict[str, str]) -> System:
        smtp = f"smtp://127.0.0.1:{self.smtp_link.port}"
        addresses = Addresses(
            api="",
            inbox="",
            kafka=self.broker.address,
            database=_through(self._postgres.url, self.postgres_link),
            redis=_through(self._redis.url, self.redis_link),
            smtp=smtp,
            embedded_broker=not self.broker.keeps,
        )
        # Mails end in the postbox; the inbox of other tests is not asked for anything.
        return System(addresses, key_files.make(), Inbox("", smtp), variables)


def _through(url: str, link: Link) -> str:
    """The same server, by way of a proxy."""
    rest, _, path = url.rpartition("/")
    return f"{rest.rpartition(':')[0]}:{link.port}/{path}"


@contextmanager
def open_world(
    *, disk: Path | None = None, variables: dict[str, str] | None = None, start: bool = True
) -> Iterator[World]:
    """A world that works, and ends with the block."""
    with ExitStack() as stack:
        world = World(stack, disk=disk, variables=variables)
        if start:
            world.system.start()
        yield world
