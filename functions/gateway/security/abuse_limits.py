"""Limits on what is abused: guessing passwords and codes, filling mailboxes, making accounts.

Three counters stand before a password. One is for an account from one network: it stops a guesser
early. One is for a network, whatever the account: it stops trying one password on many accounts.
One is for an account from everywhere: it slows down guessers with many addresses. It does not count
for a network from which the user has signed in before, so that strangers cannot keep users out of
their own accounts.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from hashlib import sha256

import msgspec

from gateway.cache.redis_client import RedisClient, RedisUnavailable
from gateway.context import request_context
from gateway.security.backoff import Backoff, BackoffPolicy
from gateway.security.client_network import network_of
from shared.contract.errors import BadMessage, Refusal, TooManyAttempts, WeakPassword

log = logging.getLogger(__name__)

_KNOWN_S = 30 * 24 * 3600
# Refusals that say nothing of the secret that came along.
_OF_SOMETHING_ELSE = {BadMessage.code, WeakPassword.code}


class AbuseLimits:
    """Admits attempts or raises :class:`~shared.contract.errors.TooManyAttempts`.

    :meth:`password`, :meth:`code` and :meth:`token` stand around the check of a secret. An attempt
    counts when the secret was checked, and a success takes it back. Without an answer (a timeout,
    an outage, an overload) nothing was guessed, and the attempt does not count.

    Accounts are named by their e-mail or id, whether or not there is such an account, so that a
    refusal reveals nothing; only a hash of the name is stored.

    Args:
        per_account: attempts on one account, from one network, without a delay.
        per_network: attempts of one network, on any account, without a delay.
        longest_s: the longest delay.
    """

    def __init__(
        self, redis: RedisClient, *, per_account: int, per_network: int, longest_s: int
    ) -> None:
        self._redis = redis
        self._backoff = Backoff(redis)
        longest_ms = longest_s * 1000
        self._account_here = BackoffPolicy(per_account, longest_ms=longest_ms)
        self._network = BackoffPolicy(per_network, longest_ms=longest_ms)
        # Shorter: attempts from other places may delay the user themselves on a new network.
        self._account_anywhere = BackoffPolicy(per_account * 10, longest_ms=min(60_000, longest_ms))
        # Below a reset link's 30 minutes: while no mail is sent, the last link still works.
        self._mails = BackoffPolicy(
            per_account, first_ms=60_000, longest_ms=min(600, max(60, longest_s)) * 1000
        )

    @asynccontextmanager
    async def password(self, account: str) -> AsyncIterator[None]:
        """Count an attempt with a password; forget those before it when it was right."""
        counters = _Counters.of(account)
        policies = {
            counters.here: self._account_here,
            counters.network: self._network,
            counters.anywhere: self._account_anywhere,
        }
        if await self._is_known(counters):
            del policies[counters.anywhere]
        async with self._attempt(policies):
            yield
        del policies[counters.here]
        await asyncio.gather(self._refund(policies), self._trust(counters))

    def password_if_given(
        self, account: str, password: str | None
    ) -> AbstractAsyncContextManager[None]:
        """Count as :meth:`password` does, where a recent login may stand for the password."""
        return nullcontext() if password is None else self.password(account)

    @asynccontextmanager
    async def code(self) -> AsyncIterator[None]:
        """Count an attempt of this network with a code, unless it was right."""
        counter = f"code:{_network()}"
        async with self._attempt({counter: self._network}):
            yield
        await self._backoff.refund(counter)

    def token(self, purpose: str) -> AbstractAsyncContextManager[None]:
        """Count an attempt of this network with a mailed token, right or wrong."""
        return self._attempt({f"{purpose}:{_network()}": self._network})

    async def count_request(self, purpose: str) -> None:
        """Count a request that one network may not send often: register, forgot, resend."""
        await self._hit({f"{purpose}:{_network()}": self._network})

    async def trust_network(self, account: str) -> None:
        """Know this network as the account's, and forget attempts on the account from here."""
        await self._trust(_Counters.of(account))

    async def may_mail(self, purpose: str, address: str) -> bool:
        """Return whether a mail is allowed now. The HTTP answer must not depend on it.

        Each purpose is counted by itself. Otherwise a stranger could use up the mails of one
        purpose with another that is not sent to this address at all.
        """
        return await self._mail_wait_ms(purpose, address) == 0

    async def count_mail(self, purpose: str, address: str) -> None:
        """Count a mail that a signed-in user requests to an address of their choice."""
        _refuse(await self._mail_wait_ms(purpose, address))

    async def _mail_wait_ms(self, purpose: str, address: str) -> int:
        return await self._backoff.hit(f"mail:{purpose}:{_hash(address)}", self._mails)

    @asynccontextmanager
    async def _attempt(self, policies: dict[str, BackoffPolicy]) -> AsyncIterator[None]:
        await self._hit(policies)
        try:
            yield
        except Exception as error:
            if not _was_checked(error):
                await self._refund(policies)
            raise

    async def _hit(self, policies: dict[str, BackoffPolicy]) -> None:
        waits = await asyncio.gather(
            *(self._backoff.hit(name, policy) for name, policy in policies.items())
        )
        if any(waits):
            log.info("too many attempts", extra={"ip": request_context.get().client.ip})
        _refuse(max(waits))

    async def _refund(self, names: Iterable[str]) -> None:
        await asyncio.gather(*(self._backoff.refund(name) for name in names))

    async def _is_known(self, counters: _Counters) -> bool:
        try:
            return bool(await self._redis.run(lambda: self._redis.client.exists(counters.known)))
        except RedisUnavailable:
            return False

    async def _trust(self, counters: _Counters) -> None:
        await self._backoff.forget(counters.here)
        with suppress(RedisUnavailable):
            await self._redis.run(lambda: self._redis.client.set(counters.known, b"", ex=_KNOWN_S))


class _Counters(msgspec.Struct, frozen=True):
    """The names of what is stored of an account, as seen from the present request."""

    here: str
    network: str
    anywhere: str
    known: str

    @classmethod
    def of(cls, account: str) -> _Counters:
        account, network = _hash(account), _network()
        return cls(
            here=f"password:{account}:{network}",
            network=f"password:{network}",
            anywhere=f"password:{account}",
            known=f"known:{account}:{network}",
        )


def _was_checked(error: Exception) -> bool:
    """Return whether an error is the user service's answer about a secret."""
    if not isinstance(error, Refusal) or error.status >= 500:
        return False
    return error.code not in _OF_SOMETHING_ELSE


def _refuse(wait_ms: int) -> None:
    if wait_ms:
        raise TooManyAttempts(
            "Too many attempts. Wait a while.", retry_after_s=max(1, math.ceil(wait_ms / 1000))
        )


def _network() -> str:
    return network_of(request_context.get().client.ip or "")


def _hash(account: str) -> str:
    return sha256(account.lower().encode()).hexdigest()[:32]
