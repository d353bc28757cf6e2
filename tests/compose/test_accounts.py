"""The end-to-end tests of accounts, on the system in containers."""

from tests.e2e.test_accounts import *  # noqa: F403 - every test of it, with this folder's system
