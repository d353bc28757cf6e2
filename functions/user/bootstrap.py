"""The one place where the user function's objects are made and put together."""

from __future__ import annotations

import atexit
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from cuid2 import Cuid

from shared.bus.producer import Publisher
from shared.bus.replier import Replier
from shared.runtime.batch import run_batch
from shared.security.sealing import JwkSet, Opener
from user.accounts.emails import EmailService
from user.accounts.export import ExportService
from user.accounts.login import LoginService
from user.accounts.passwords import PasswordService
from user.accounts.profiles import ProfileService
from user.accounts.reauthentication import Reauthentication
from user.accounts.registration import RegistrationService
from user.accounts.second_factor import SecondFactorService
from user.accounts.sessions import SessionService
from user.dispatch.dispatcher import Dispatcher
from user.dispatch.handlers import UseCases, handlers
from user.security.password_hasher import PasswordHasher
from user.security.vault import Vault
from user.settings import Settings
from user.storage.housekeeping import Housekeeping
from user.storage.outbox import Outbox
from user.storage.rds_iam import with_token
from user.storage.unit_of_work import UnitOfWork, open_pool


def build(settings: Settings) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Return the function: an AWS Kafka event in, a partial batch response out.

    Raises:
        SettingsError: a key cannot be read.
    """
    keys = JwkSet.from_json(settings.user_private_keys, "USER_PRIVATE_KEYS")
    opener = Opener(keys, accept_plain=settings.accept_plain_secrets)
    publisher = Publisher(settings)
    publisher.start()
    database_url = settings.database_url
    pool = open_pool(
        partial(with_token, database_url) if settings.database_iam else database_url,
        size=settings.batch_workers,
        timeout_s=settings.database_timeout_s,
    )
    atexit.register(pool.close)  # otherwise exit waits five seconds for each of its threads
    store = UnitOfWork(pool, Outbox(publisher).publish)
    use_cases = _use_cases(settings, store, Vault(keys))
    dispatcher = Dispatcher(handlers(use_cases), opener, Replier(publisher), store.publish_again)
    workers = ThreadPoolExecutor(settings.batch_workers, thread_name_prefix="record")
    housekeeping = Housekeeping(pool, keep_outcomes_hours=settings.keep_outcomes_hours)

    def run(event: Mapping[str, Any]) -> dict[str, Any]:
        response = run_batch(event, dispatcher.dispatch, workers)
        housekeeping.run()
        return response

    return run


def _use_cases(settings: Settings, store: UnitOfWork, vault: Vault) -> UseCases:
    hashes = PasswordHasher(settings.bcrypt_cost)
    again = Reauthentication(store, hashes, recent_s=settings.recent_login_seconds)
    return UseCases(
        registration=RegistrationService(store, hashes, Cuid().generate),
        login=LoginService(store, hashes, settings.sign_up),
        profiles=ProfileService(store),
        sessions=SessionService(
            store,
            grace_s=settings.refresh_grace_seconds,
            longest_s=settings.session_longest_seconds,
        ),
        passwords=PasswordService(store, hashes, again),
        emails=EmailService(store, again),
        second_factor=SecondFactorService(store, vault, again),
        exports=ExportService(store),
    )
