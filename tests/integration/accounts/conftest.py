"""People with accounts, on the whole system."""

from __future__ import annotations

import os
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.rows import TupleRow

from local.environment import Addresses
from local.process import Group
from local.services import broker as broker_service
from tests.person import Person
from tests.services import Inbox, System, start

# Takes minutes: make timing.
collect_ignore = [] if "TIMING" in os.environ else ["test_enumeration.py"]

Database = psycopg.Connection[TupleRow]


@pytest.fixture
def person(system: System, inbox: Inbox) -> Iterator[Person]:
    person = Person(system, inbox)
    yield person
    person.client.close()


@pytest.fixture
def stranger(system: System, inbox: Inbox) -> Iterator[Person]:
    """Yield another person, with another address on the network."""
    stranger = Person(system, inbox)
    yield stranger
    stranger.client.close()


@pytest.fixture(scope="session")
def database(database_url: str) -> Iterator[Database]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def alone(addresses: Addresses, group: Group) -> Iterator[Addresses]:
    """Yield the services with a broker of their own: no other system's workers read it."""
    process, told = start(broker_service.command(), group)
    yield addresses._replace(kafka=told["address"], embedded_broker=True)
    process.stop()
