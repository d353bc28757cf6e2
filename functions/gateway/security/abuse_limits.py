"""Limits on what is abused: guessing passwords and codes, filling mailboxes, making accounts.

Three counters stand before a password. One is for an account from one network: it stops a guesser
early. One is for a network, whatever the account: it stops trying one password on many accounts.
One is for an account from everywhere: it slows down guessers with many addresses, and it does not
count for a network from which the person has signed in before, so that strangers cannot keep a
person out of their own account.
"""

from __future__ import annotations

import asyncio
import logging
import math
from contextlib import suppress
from hashlib import sha256

from gateway.cache.redis_client import RedisClient, RedisUnavailable
from gateway.context import request_context
from gateway.security.backoff import Backoff, BackoffPolicy
from gateway.security.client_network import network_of
from shared.contract.errors import TooManyAttempts

log = logging.getLogger(__name__)

_KNOWN_S = 30 * 24 * 3600


class AbuseLimits:
    """Admits attempts or raises :class:`TooManyAttempts`.

    Accounts are named by their e-mail or id, whether or not there is such an account, so that a
    refusal tells nothing; only a hash of the name is kept.

    Args:
        per_account: attempts on one account, from one network, without a delay.
        per_network: attempts of one network, on any account, without a delay.
        longest_s: no delay is longer.
    """

    def __init__(
        self, redis: RedisClient, *, per_account: int, per_network: int, longest_s: int
    ) -> None:
        self._redis = redis
        self._backoff = Backoff(redis)
        self._account_here = BackoffPolicy(per_account, longest_ms=longest_s * 1000)
        self._network = BackoffPolicy(per_network, longest_ms=longest_s * 1000)
        # Shorter: those from other places may hit the person themselves on a new network.
        self._account_anywhere = BackoffPolicy(
            per_account * 10, longest_ms=min(60, longest_s) * 1000
        )
        # Below a reset link's 30 minutes: while no mail is sent, the last link still works.
        self._mails = BackoffPolicy(
            per_account, first_ms=60_000, longest_ms=min(600, max(60, longest_s)) * 1000
        )

    async def password(self, account: str) -> None:
        """Before a password is checked."""
        names = _names(account)
        policies = {
            names.here: self._account_here,
            names.network: self._network,
            names.anywhere: self._account_anywhere,
        }
        if await self._is_known(names):
            del policies[names.anywhere]
        await self._admit(policies)

    async def password_was_right(self, account: str) -> None:
        """After it was: what led to it is forgotten, and the network is known from now on."""
        names = _names(account)
        await asyncio.gather(
            self._backoff.forget(names.here),
            self._backoff.refund(names.network),
            self._backoff.refund(names.anywhere),
            self._know(names),
        )

    async def password_was_not_checked(self, account: str) -> None:
        """After nobody has answered: people who try again until somebody does guess nothing."""
        names = _names(account)
        await asyncio.gather(
            *(self._backoff.refund(n) for n in (names.here, names.network, names.anywhere))
        )

    async def network(self, what: str) -> None:
        """Before something that one network may not do often: register, forgot, codes."""
        await self._admit({f"{what}:{_network()}": self._network})

    async def network_was_right(self, what: str) -> None:
        """After it was what an honest person does."""
        await self._backoff.refund(f"{what}:{_network()}")

    async def may_mail(self, what: str, address: str) -> bool:
        """Whether a mail that a stranger can ask for is sent: nobody is told that it is not.

        Each kind is counted by itself. Otherwise a stranger could use up the mails of one kind
        with another that is not sent to this address at all.
        """
        return await self._mail_wait_ms(what, address) == 0

    async def mail(self, what: str, address: str) -> None:
        """Before a mail that somebody who is signed in asks for, to an address of their choice."""
        wait_ms = await self._mail_wait_ms(what, address)
        if wait_ms:
            raise _too_many(wait_ms)

    async def _mail_wait_ms(self, what: str, address: str) -> int:
        return await self._backoff.hit(f"mail:{what}:{_hash(address)}", self._mails)

    async def _admit(self, policies: dict[str, BackoffPolicy]) -> None:
        waits = await asyncio.gather(
            *(self._backoff.hit(name, policy) for name, policy in policies.items())
        )
        if any(waits):
            log.info("too many attempts", extra={"ip": request_context.get().client.ip})
            raise _too_many(max(waits))

    async def _is_known(self, names: _Names) -> bool:
        try:
            return bool(await self._redis.run(lambda: self._redis.client.exists(names.known)))
        except RedisUnavailable:
            return False

    async def _know(self, names: _Names) -> None:
        with suppress(RedisUnavailable):
            await self._redis.run(lambda: self._redis.client.set(names.known, b"", ex=_KNOWN_S))


class _Names:
    """The counters of an attempt on an account, from where the present request comes."""

    def __init__(self, account: str, network: str) -> None:
        self.here = f"password:{account}:{network}"
        self.network = f"password:{network}"
        self.anywhere = f"password:{account}"
        self.known = f"known:{account}:{network}"


def _too_many(wait_ms: int) -> TooManyAttempts:
    return TooManyAttempts(
        "Too many attempts. Wait a while.", retry_after_s=max(1, math.ceil(wait_ms / 1000))
    )


def _names(account: str) -> _Names:
    return _Names(_hash(account), _network())


def _network() -> str:
    return network_of(request_context.get().client.ip or "")


def _hash(account: str) -> str:
    return sha256(account.lower().encode()).hexdigest()[:32]
