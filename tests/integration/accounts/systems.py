"""Whole systems with settings of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from local.environment import Addresses
from local.keys import Keys
from tests.services import Inbox, System

CHEAP = {"BCRYPT_COST": "4"}  # the lowest that bcrypt has


@contextmanager
def running(addresses: Addresses, keys: Keys, inbox: Inbox, **variables: str) -> Iterator[System]:
    """Run a system with these variables, beside or instead of the usual ones."""
    system = System(addresses, keys, inbox, {**CHEAP, **variables})
    try:
        system.start()
        yield system
    finally:
        system.close()
