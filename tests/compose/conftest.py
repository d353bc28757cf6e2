"""The system in containers takes minutes to build and start: ``make test-compose`` runs these."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.compose.containers import Containers, provide_kafka
from tests.containers import needs_docker
from tests.services import Inbox

pytest.register_assert_rewrite("tests.e2e.test_accounts")


@pytest.fixture(scope="session")
def containers() -> Iterator[Containers]:
    """The whole system, ready, in containers."""
    _skip_unless_asked_for()
    containers = Containers()
    provide_kafka(containers.config()["services"]["kafka"]["image"])
    try:
        containers.up()
        yield containers
    finally:
        containers.close()


@pytest.fixture(scope="session")
def system(containers: Containers) -> Containers:
    """What the end-to-end tests ask for."""
    return containers


@pytest.fixture(scope="session")
def inbox(containers: Containers) -> Inbox:
    """Where its mails arrive."""
    return containers.inbox


def _skip_unless_asked_for() -> None:
    if "COMPOSE" not in os.environ:
        pytest.skip("takes minutes: make test-compose")
    needs_docker()
