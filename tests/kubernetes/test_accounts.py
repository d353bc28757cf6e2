"""The end-to-end tests of accounts, on pods that run as the manifests say."""

from tests.e2e.test_accounts import *  # noqa: F403 - every test of it, with this folder's system
