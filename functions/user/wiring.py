"""The one place where the user function's parts are chosen and put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from cuid2 import Cuid

from shared.answers import Answers
from shared.batch import run_batch
from shared.kafka import Publisher
from shared.sealing import JwkSet, Opener
from user.commands import Commands
from user.passwords import Passwords
from user.repository import Repository, open_pool
from user.service import Accounts
from user.settings import Settings


def build(settings: Settings) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """The function: an AWS Kafka event in, a partial batch response out.

    Raises:
        SettingsError: a key cannot be read.
    """
    keys = JwkSet.from_json(settings.user_private_keys, "USER_PRIVATE_KEYS")
    opener = Opener(keys, accept_plain=settings.accept_plain_secrets)
    publisher = Publisher(settings)
    publisher.start()
    pool = open_pool(
        settings.database_url, size=settings.batch_workers, timeout_s=settings.database_timeout_s
    )
    accounts = Accounts(Repository(pool), Passwords(settings.bcrypt_cost), Cuid().generate)
    commands = Commands(accounts, opener, Answers(publisher))
    workers = ThreadPoolExecutor(settings.batch_workers, thread_name_prefix="record")
    return lambda event: run_batch(event, commands, workers)
