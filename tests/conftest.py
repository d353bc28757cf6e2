"""Services for all tests. Nothing starts before a test asks for it; each starts once a session.

The broker can be replaced: ``make test KAFKA=apache``, or ``KAFKA_BOOTSTRAP_SERVERS=host:port``.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest

from local import keys as key_files
from local import ports
from local.environment import Addresses
from local.keys import Keys
from local.process import Group
from local.services import apache_kafka
from local.services import broker as broker_service
from local.services import inbox as inbox_service
from local.services.postgres import Postgres
from local.services.redis import Redis
from tests.services import Heard, Inbox, System, migrate, start
from user.operations.migrate import migrate as migrate_here

_GIVEN_BROKER = "KAFKA_BOOTSTRAP_SERVERS"
_APACHE = os.environ.get("KAFKA") == "apache"
_DATABASE = "app_test"
_SHOWN_LINES = 60
_TESTS = Path(__file__).parent

# What deploys needs CDK, which only `make test-infra` installs; it runs them when it is named.
collect_ignore = [] if find_spec("aws_cdk") else ["infra"]


@pytest.hookimpl(tryfirst=True)  # before -m looks at the markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what a real broker can change, and what needs nothing: ``make test-broker``."""
    for item in items:
        place = item.path.relative_to(_TESTS).parts[0]
        if place == "unit":
            item.add_marker("unit")
        elif (
            "broker" in getattr(item, "fixturenames", ())
            or item.get_closest_marker("apache")
            or place == "faults"
        ):
            item.add_marker("broker")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("apache") and not _APACHE:
        pytest.skip("needs Apache Kafka: make test KAFKA=apache")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure shows what the processes that it used have written last."""
    report = yield
    if report.failed and isinstance(item, pytest.Function):
        for used in item.funcargs.values():
            for name, lines in used.output.items() if isinstance(used, Heard) else ():
                report.sections.append((f"last lines of {name}", "\n".join(lines[-_SHOWN_LINES:])))
    return report


@pytest.fixture(scope="session")
def group() -> Iterator[Group]:
    """The process group of all services: they end with the session, however it ends."""
    with Group() as group:
        yield group


@pytest.fixture(scope="session")
def service_folder() -> Iterator[Path]:
    """Where services keep files. Not pytest's own folder: PostgreSQL, under root, must reach it."""
    folder = Path(tempfile.mkdtemp(prefix="services-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def broker(group: Group, service_folder: Path) -> Iterator[str]:
    """Bootstrap servers of a broker that has the system's topics."""
    given = os.environ.get(_GIVEN_BROKER)
    if given:
        yield given
        return
    command = (
        apache_kafka.command(service_folder / "kafka") if _APACHE else broker_service.command()
    )
    process, told = start(command, group)
    yield told["address"]
    process.stop()


@pytest.fixture(scope="session")
def database_url(group: Group, service_folder: Path) -> Iterator[str]:
    """An empty database of the newest schema."""
    server = Postgres(service_folder / "postgres", ports.any_free(), _DATABASE, durable=False)
    server.prepare()
    process, _ = start(server.command(), group)
    migrate(server.url, group)
    yield server.url
    process.stop()


@pytest.fixture(scope="session")
def function_database_url(database_url: str) -> str:
    """The same, as the role that a deployed user function has: it may read and write rows only."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE ROLE service LOGIN PASSWORD 'service'")
    migrate_here(database_url, "service")
    _, _, place = database_url.rpartition("@")
    return f"postgresql://service:service@{place}"


@pytest.fixture(scope="session")
def redis_url(group: Group, service_folder: Path) -> Iterator[str]:
    """An empty Redis."""
    server = Redis(service_folder / "redis", ports.any_free(), durable=False)
    server.prepare()
    process, _ = start(server.command(), group)
    yield server.url
    process.stop()


@pytest.fixture(scope="session")
def inbox(group: Group, service_folder: Path) -> Iterator[Inbox]:
    """Takes every mail, and shows it."""
    process, told = start(inbox_service.command(service_folder / "inbox"), group)
    inbox = Inbox(told["url"], told["smtp_url"])
    yield inbox
    inbox.close()
    process.stop()


@pytest.fixture(scope="session")
def keys() -> Keys:
    """Private keys for a whole system."""
    return key_files.make()


@pytest.fixture(scope="session")
def addresses(broker: str, database_url: str, redis_url: str, inbox: Inbox) -> Addresses:
    """Where all services are; the API is not among them."""
    return Addresses(
        api="",
        inbox=inbox.url,
        kafka=broker,
        database=database_url,
        redis=redis_url,
        smtp=inbox.smtp_url,
        embedded_broker=_GIVEN_BROKER not in os.environ and not _APACHE,
    )


@pytest.fixture(scope="session")
def system(
    addresses: Addresses, function_database_url: str, keys: Keys, inbox: Inbox
) -> Iterator[System]:
    """The whole system, ready. A test that kills a part of it starts that part again."""
    system = System(addresses._replace(database=function_database_url), keys, inbox)
    system.start()
    yield system
    system.close()
