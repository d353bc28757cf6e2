"""People with accounts, on the whole system."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.rows import TupleRow

from tests.integration.accounts.person import Person
from tests.services import Inbox, System

Database = psycopg.Connection[TupleRow]


@pytest.fixture
def person(system: System, inbox: Inbox) -> Iterator[Person]:
    person = Person(system, inbox)
    yield person
    person.client.close()


@pytest.fixture
def stranger(system: System, inbox: Inbox) -> Iterator[Person]:
    """Somebody else, with another address on the network."""
    stranger = Person(system, inbox)
    yield stranger
    stranger.client.close()


@pytest.fixture(scope="session")
def database(database_url: str) -> Iterator[Database]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection
