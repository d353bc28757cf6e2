"""Each effect once: Powertools Idempotency, with its records in Redis.

Redis holds of an effect ``notification#<SHA-256 of its name>``, a state and two times: no address,
no text, no token.

Failures, in the order of the work:

* Redis fails before the send: nothing is sent, and the record fails, to be delivered again. A late
  mail is better than two, and none is lost: when the mapping's retries are used up, the record is
  in the on-failure destination.
* The send fails: the mark is taken back and the record fails.
* Redis fails after the send: the mail is out, so the record is done. It is sent again only if
  Kafka delivers that record again later.
* The process dies between the send and the mark: the effect stays "in progress" for the lease,
  which is longer than a send can take. The next delivery waits until the lease has run out, then
  sends. If the dead process had sent already, this is the second time: a mail server allows no
  more than "at least once". Both copies carry the same Message-ID.
"""

from __future__ import annotations

import logging
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, cast

from aws_lambda_powertools.utilities.typing import LambdaContext
from redis import Redis

from shared.contract.errors import Unavailable


@contextmanager
def _without_dynamodb() -> Iterator[None]:
    """Keep Powertools' package from loading its DynamoDB layer, and boto3 with it.

    It would take 300 ms of cold start, as much as all the rest but redis-py, for an unused class.
    """
    name = "aws_lambda_powertools.utilities.idempotency.persistence.dynamodb"
    if name in sys.modules:
        yield
        return
    stand_in = ModuleType(name)
    vars(stand_in)["DynamoDBPersistenceLayer"] = None
    sys.modules[name] = stand_in
    try:
        yield
    finally:
        del sys.modules[name]


with _without_dynamodb():
    from aws_lambda_powertools.utilities.idempotency import (
        BasePersistenceLayer,
        IdempotencyConfig,
        idempotent_function,
    )
    from aws_lambda_powertools.utilities.idempotency.exceptions import (
        IdempotencyAlreadyInProgressError,
        IdempotencyInconsistentStateError,
        IdempotencyPersistenceLayerError,
    )
    from aws_lambda_powertools.utilities.idempotency.persistence.cache import CachePersistenceLayer

log = logging.getLogger(__name__)

_LOOK_AGAIN_S = 0.2


class RedisIdempotency:
    """Runs an effect unless an effect of the same name has been run; remembers it in Redis.

    Args:
        redis: where the marks are.
        lease_s: longer than an effect can take. An effect that another process has begun is waited
            for that long, and no effect is begun with less time left.
        remember_s: how long a mark is kept.
    """

    def __init__(self, redis: Redis, *, lease_s: float, remember_s: int) -> None:
        self._store = _store(redis)
        self._lease_s = lease_s
        self._config = IdempotencyConfig(
            hash_function="sha256",
            expires_after_seconds=remember_s,
            lambda_context=_Lease(lease_s),
        )

    def run_once(
        self, name: str, effect: Callable[[], None], seconds_left: Callable[[], float]
    ) -> bool:
        """Run the effect unless it has been run.

        Args:
            name: names the effect, the same on every delivery; not a secret.
            effect: raises when it did not happen.
            seconds_left: seconds until this invocation is stopped.

        Returns:
            Whether the effect was run now.

        Raises:
            Unavailable: Redis cannot be reached, or too little time is left.
        """
        while seconds_left() > self._lease_s:
            try:
                return self._attempt(name, effect)
            except (IdempotencyAlreadyInProgressError, IdempotencyInconsistentStateError):
                time.sleep(_LOOK_AGAIN_S)
        raise Unavailable("Too little time is left in this invocation.")

    def _attempt(self, name: str, effect: Callable[[], None]) -> bool:
        done = False

        def run(*, name: str) -> None:  # noqa: ARG001 - Powertools takes the key from it
            nonlocal done
            effect()
            done = True

        marked = idempotent_function(
            run,
            data_keyword_argument="name",
            persistence_store=self._store,
            config=self._config,
            key_prefix="notification",
        )
        try:
            marked(name=name)
        except IdempotencyPersistenceLayerError as error:
            if not done:
                raise Unavailable("Redis is away: what has been sent is not known.") from error
            log.warning("sent, but Redis is away to remember it", extra={"reason": str(error)})
        return done


def _store(redis: Redis) -> BasePersistenceLayer:
    """Return Powertools' persistence layer on a Redis client."""
    with warnings.catch_warnings():
        # Powertools 3 deprecates this class's old name, and warns under the new one too.
        warnings.simplefilter("ignore", DeprecationWarning)
        # Its Protocol is narrower than what redis-py's `set` may return with other options.
        return CachePersistenceLayer(client=cast(Any, redis))


class _Lease(LambdaContext):
    """The context object from which Powertools takes how long an unfinished effect is reserved.

    Powertools asks for the time left of the invocation. The longest time of an effect is much
    shorter, so that a crash delays a mail by that and not by the function's timeout.
    """

    def __init__(self, lease_s: float) -> None:
        self._lease_ms = int(lease_s * 1000)

    def get_remaining_time_in_millis(self) -> int:  # type: ignore[override]  # theirs is static
        return self._lease_ms
