"""Request-reply over Kafka, and the two ways to poll for it.

In Lambda no thread can be relied on between two invocations, so the caller polls
(:class:`CallerPolls`). A server has many requests in flight, and threads that poll for all of them
(:class:`BackgroundPolls`). Everything else is the same code.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from threading import Event, Thread
from typing import Protocol, TypeVar

import msgspec
from confluent_kafka import KafkaException

from shared.bus.concurrency_limit import ConcurrencyLimit
from shared.bus.producer import Publisher
from shared.bus.reply_consumer import ReplyConsumer
from shared.contract.envelope import Envelope
from shared.contract.errors import ReplyTimeout, Unavailable

log = logging.getLogger(__name__)

_T = TypeVar("_T")
Poll = Callable[[float], None]

# How long one poll may block: a failed delivery or a stop is noticed after this, a reply at once.
_SLICE_S = 0.1
# An answer that takes a larger share of the deadline is a sign of too many requests.
_SOON = 0.25


class PollStrategy(Protocol):
    """Who polls while a request waits."""

    def ready(self) -> None:
        """Make sure that the reply consumer has a position before a request is sent.

        Raises:
            Unavailable: it has none.
        """

    async def wait_for(self, future: Future[_T], seconds: float, poll: Poll, /) -> _T:
        """Return the future's result, which a call of ``poll`` brings.

        Raises:
            TimeoutError: it did not come within ``seconds``.
        """

    def start(self) -> None:
        """Begin to poll; called once, before the first request."""

    def close(self) -> None:
        """End; called once, after the last request."""


class CallerPolls:
    """Lambda: the waiting caller polls. Nothing runs between two requests."""

    def __init__(self, publisher: Publisher, replies: ReplyConsumer) -> None:
        self._replies = replies
        self._publisher = publisher

    def ready(self) -> None:
        """Go to the end of the reply partition where that is needed."""
        self._replies.ensure_assigned()

    async def wait_for(self, future: Future[_T], seconds: float, poll: Poll, /) -> _T:
        """Poll until the future is done.

        The event loop is blocked meanwhile: an execution environment has one request at a time.
        """
        end = time.monotonic() + seconds
        while not future.done():
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError
            poll(min(left, _SLICE_S))
        return future.result()

    def start(self) -> None:
        """Take a position in the initialisation phase, so that the first request need not."""
        try:
            self._replies.ensure_assigned()
        except Unavailable as unavailable:
            log.warning("no place on the reply topic yet", extra={"reason": unavailable.message})

    def close(self) -> None:
        """Close both Kafka clients."""
        self._publisher.close()
        self._replies.close()


class BackgroundPolls:
    """A server: one thread reads replies, another hands out delivery reports."""

    def __init__(self, publisher: Publisher, replies: ReplyConsumer) -> None:
        self._replies = replies
        self._publisher = publisher
        self._stopped = Event()
        self._reader = Thread(target=self._read, name="reply-reader", daemon=True)

    def ready(self) -> None:
        """Check that the reading thread has a position."""
        if self._replies.partition is None:
            raise Unavailable("Kafka is not reached yet.")

    async def wait_for(self, future: Future[_T], seconds: float, _poll: Poll, /) -> _T:
        """Await the future, which one of the threads settles."""
        async with asyncio.timeout(seconds):
            return await asyncio.wrap_future(future)

    def start(self) -> None:
        """Start both threads."""
        self._publisher.start()
        self._reader.start()

    def close(self) -> None:
        """Stop both threads, and close their clients."""
        self._publisher.close()
        self._stopped.set()
        self._reader.join()
        self._replies.close()

    def _read(self) -> None:
        while not self._stopped.is_set():
            try:
                self._replies.ensure_assigned()
                self._replies.poll(_SLICE_S)
            except (Unavailable, KafkaException) as error:
                log.warning("replies cannot be read", extra={"reason": str(error)})
                self._stopped.wait(1.0)


MakeStrategy = Callable[[Publisher, ReplyConsumer], PollStrategy]
"""Makes a strategy for the two clients to be polled; one of the two classes."""


class Requester:
    """Sends requests and events.

    Args:
        reply_topic: where the answers are read.
        timeout_s: how long an answer is awaited; also the deadline that travels along.
        limit: the most requests to one topic that may wait at the same time
            (:mod:`shared.bus.concurrency_limit`).

    Attributes:
        unanswered: the number of requests that ran into their deadline.
    """

    def __init__(
        self,
        publisher: Publisher,
        replies: ReplyConsumer,
        strategy: PollStrategy,
        *,
        reply_topic: str,
        timeout_s: float,
        limit: int,
    ) -> None:
        self._publisher = publisher
        self._replies = replies
        self._strategy = strategy
        self._reply_topic = reply_topic
        self._timeout_s = timeout_s
        self._limits: dict[str, ConcurrencyLimit] = {}
        self._limit = limit
        self.unanswered = 0

    async def request(
        self,
        topic: str,
        key: str,
        value: bytes,
        envelope: Envelope,
        timeout_s: float | None = None,
    ) -> bytes:
        """Send a request and await its answer.

        Args:
            key: records of one key are worked on in order.
            value: JSON.
            envelope: has the correlation id; reply address and deadline are filled in here.
            timeout_s: seconds to wait, where they differ from the usual timeout.

        Returns:
            The reply's value, JSON.

        Raises:
            Refusal: the answer is no.
            ReplyTimeout: no answer by the deadline.
            Unavailable: Kafka did not take the request.
            Overloaded: as many requests wait as can be answered soon.
        """
        self._strategy.ready()
        patience_s = timeout_s or self._timeout_s
        request = self._addressed(envelope, patience_s)
        with self._limit_of(topic).admitted():
            return await self._request(topic, key, value, request, patience_s)

    async def _request(
        self, topic: str, key: str, value: bytes, request: Envelope, patience_s: float
    ) -> bytes:
        correlation_id = request.correlation_id or ""
        reply = self._replies.register(correlation_id)
        sent = self._publisher.publish(topic, value=value, key=key, headers=request.to_headers())
        sent.add_done_callback(lambda done: self._fail_undelivered(done, correlation_id))
        try:
            return await self._strategy.wait_for(reply, patience_s, self._poll)
        except TimeoutError:
            self.unanswered += 1
            if not sent.done():
                raise Unavailable("Kafka did not take the request in time.") from None
            raise ReplyTimeout("The service did not answer in time.") from None
        finally:
            self._replies.discard(correlation_id)

    async def publish(self, topic: str, key: str, value: bytes, envelope: Envelope) -> None:
        """Send an event, and wait until it is safe in Kafka.

        Raises:
            Unavailable: Kafka did not take it in time.
        """
        sent = self._publisher.publish(topic, value=value, key=key, headers=envelope.to_headers())
        try:
            await self._strategy.wait_for(sent, self._timeout_s, self._publisher.poll)
        except TimeoutError:
            raise Unavailable("Kafka did not take the event in time.") from None

    def start(self) -> None:
        """Begin to read replies."""
        self._strategy.start()

    def close(self) -> None:
        """Wait for unsent records, then stop."""
        self._strategy.close()

    def _limit_of(self, topic: str) -> ConcurrencyLimit:
        """Return a topic's own limit: a slow topic must not shut out the others."""
        if topic not in self._limits:
            soon_s = self._timeout_s * _SOON
            self._limits[topic] = ConcurrencyLimit(soon_s=soon_s, most=self._limit)
        return self._limits[topic]

    def _addressed(self, envelope: Envelope, patience_s: float) -> Envelope:
        return msgspec.structs.replace(
            envelope,
            reply_topic=self._reply_topic,
            reply_partition=self._replies.partition,
            deadline_ms=int((time.time() + patience_s) * 1000),
        )

    def _poll(self, timeout: float) -> None:
        self._publisher.poll(0)
        self._replies.poll(timeout)

    def _fail_undelivered(self, sent: Future[None], correlation_id: str) -> None:
        error = sent.exception()
        if isinstance(error, Exception):
            self._replies.reject(correlation_id.encode(), error)
