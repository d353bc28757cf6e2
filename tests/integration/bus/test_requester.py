"""Request-reply over a real broker, driven both ways: by who waits, and by threads."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from local import ports
from shared.bus.producer import Publisher, reader_config
from shared.bus.reply_consumer import ReplyConsumer
from shared.bus.requester import BackgroundPolls, CallerPolls, MakeStrategy, Requester
from shared.bus.topic_admin import ensure_topics
from shared.config.settings import KafkaSettings
from shared.contract.envelope import Envelope
from shared.contract.errors import Overloaded, Refusal, ReplyTimeout, Unavailable
from shared.contract.topics import GATEWAY_REPLY, Topic
from tests.services import eventually

STRATEGIES: list[MakeStrategy] = [
    CallerPolls,
    BackgroundPolls,
]
QUESTIONS = "requester.questions"  # its own: no function answers here
_numbers = itertools.count(1)


class Gateway:
    """An requester with its parts in reach."""

    def __init__(
        self,
        settings: KafkaSettings,
        make_strategy: MakeStrategy,
        timeout_s: float = 10.0,
        limit: int = 100,
    ) -> None:
        self.publisher = Publisher(settings)
        self.replies = ReplyConsumer(settings, GATEWAY_REPLY)
        self.requester = Requester(
            self.publisher,
            self.replies,
            make_strategy(self.publisher, self.replies),
            reply_topic=GATEWAY_REPLY,
            timeout_s=timeout_s,
            limit=limit,
        )
        self.requester.start()

    def wait_placed(self) -> None:
        eventually(lambda: self.replies.partition is not None)

    async def ask(self, text: str, correlation_id: str | None = None) -> bytes:
        envelope = Envelope(correlation_id=correlation_id or f"c{next(_numbers)}")
        return await self.requester.request(QUESTIONS, text, text.encode(), envelope)


class Service:
    """Answers what is asked on one topic, as a test tells it to."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._consumer = Consumer(reader_config(settings))
        self._producer = Producer({"bootstrap.servers": settings.kafka_bootstrap_servers})
        self._stopped = threading.Event()
        self.seen: list[Message] = []
        self.answer: Callable[[Message], list[tuple[bytes | None, dict[str, bytes]]]] = echo
        places = [
            eventually(lambda p=p: self._end(p))  # type: ignore[misc] # bound
            for p in self._consumer.list_topics(QUESTIONS, timeout=30).topics[QUESTIONS].partitions
        ]
        self._consumer.assign(places)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def reply(self, request: Message, value: bytes | None, headers: dict[str, bytes]) -> None:
        asked = headers_of(request)
        self._producer.produce(
            asked["kafka_replyTopic"].decode(),
            value,
            partition=int(asked["kafka_replyPartition"]),
            headers={"kafka_correlationId": asked["kafka_correlationId"], **headers},
        )
        self._producer.flush(10)

    def close(self) -> None:
        self._stopped.set()
        self._thread.join()
        self._consumer.close()

    def _end(self, partition: int) -> TopicPartition | None:
        """None for as long as the leader of a new topic does not know yet that it is."""
        place = TopicPartition(QUESTIONS, partition)
        try:
            place.offset = self._consumer.get_watermark_offsets(place)[1]
        except KafkaException:
            return None
        return place

    def _run(self) -> None:
        while not self._stopped.is_set():
            message = self._consumer.poll(0.05)
            if message is not None and not message.error():
                self.seen.append(message)
                for value, headers in self.answer(message):
                    self.reply(message, value, headers)


def headers_of(message: Message) -> dict[str, bytes]:
    return {
        name: value for name, value in dict(message.headers() or ()).items() if type(value) is bytes
    }


def echo(request: Message) -> list[tuple[bytes | None, dict[str, bytes]]]:
    return [(b'"' + (request.value() or b"") + b'"', {"kafka_nest-is-disposed": b"\x00"})]


def silence(_: Message) -> list[tuple[bytes | None, dict[str, bytes]]]:
    return []


@pytest.fixture(scope="module")
def settings(broker: str) -> KafkaSettings:
    client: dict[str, Any] = {"bootstrap.servers": broker}
    # The embedded broker makes a topic when a producer asks for it; Apache Kafka is told to.
    if not Producer(client).list_topics(QUESTIONS, timeout=30).topics[QUESTIONS].partitions:
        ensure_topics(AdminClient(client), [Topic(QUESTIONS, 4, 60_000)])
    return KafkaSettings(kafka_bootstrap_servers=broker, kafka_fetch_wait_ms=5)


@pytest.fixture
def service(settings: KafkaSettings) -> Iterator[Service]:
    service = Service(settings)
    yield service
    service.close()


@contextmanager
def running(
    settings: KafkaSettings,
    make_strategy: MakeStrategy,
    timeout_s: float = 10.0,
    limit: int = 100,
) -> Iterator[Gateway]:
    gateway = Gateway(settings, make_strategy, timeout_s, limit)
    try:
        gateway.wait_placed()
        yield gateway
    finally:
        gateway.requester.close()


@pytest.fixture(params=STRATEGIES, ids=["caller", "background"])
def make_strategy(
    request: pytest.FixtureRequest,
) -> MakeStrategy:
    chosen: MakeStrategy = request.param
    return chosen


def test_a_question_is_answered(
    settings: KafkaSettings,
    service: Service,
    make_strategy: MakeStrategy,
) -> None:
    with running(settings, make_strategy) as gateway:
        assert asyncio.run(gateway.ask("hello")) == b'"hello"'
        assert len(gateway.replies) == 0


def test_a_request_says_where_and_until_when_the_answer_is_awaited(
    settings: KafkaSettings,
    service: Service,
    make_strategy: MakeStrategy,
) -> None:
    with running(settings, make_strategy) as gateway:
        asyncio.run(gateway.ask("hello", "c-known"))
        headers = headers_of(service.seen[-1])

        assert headers["kafka_correlationId"] == b"c-known"
        assert headers["kafka_replyTopic"] == GATEWAY_REPLY.encode()
        assert int(headers["kafka_replyPartition"]) == gateway.replies.partition
        assert int(headers["deadline"]) > service.seen[-1].timestamp()[1]


def test_many_questions_wait_at_the_same_time(settings: KafkaSettings, service: Service) -> None:
    async def ask_many(gateway: Gateway) -> list[bytes]:
        return await asyncio.gather(*(gateway.ask(f"q{n}") for n in range(100)))

    with running(settings, BackgroundPolls) as gateway:
        assert asyncio.run(ask_many(gateway)) == [f'"q{n}"'.encode() for n in range(100)]


def test_a_refusal_is_raised(
    settings: KafkaSettings,
    service: Service,
    make_strategy: MakeStrategy,
) -> None:
    service.answer = lambda _: [
        (None, {"kafka_nest-err": b'{"statusCode":409,"message":"Taken.","code":"email-taken"}'})
    ]
    with running(settings, make_strategy) as gateway, pytest.raises(Refusal) as refused:
        asyncio.run(gateway.ask("hello"))

    assert (refused.value.status, refused.value.code) == (409, "email-taken")


def test_no_answer_by_the_deadline_is_a_timeout_and_a_late_one_is_counted(
    settings: KafkaSettings,
    service: Service,
    make_strategy: MakeStrategy,
) -> None:
    service.answer = silence
    with running(settings, make_strategy, timeout_s=2) as gateway:
        with pytest.raises(ReplyTimeout):
            asyncio.run(gateway.ask("slow"))
        assert gateway.requester.unanswered == 1
        assert len(gateway.replies) == 0

        late = eventually(lambda: [m for m in service.seen if m.value() == b"slow"])[0]
        service.reply(late, b'"too late"', {})
        service.answer = echo

        def counted() -> bool:
            asyncio.run(gateway.ask("next"))
            return gateway.replies.late == 1

        eventually(counted)


def test_a_second_answer_and_a_strangers_answer_are_passed_over(
    settings: KafkaSettings,
    service: Service,
    make_strategy: MakeStrategy,
) -> None:
    service.answer = lambda request: [
        (b'"stranger"', {"kafka_correlationId": b"of-another-gateway"}),
        *echo(request),
        *echo(request),
    ]
    with running(settings, make_strategy) as gateway:
        assert asyncio.run(gateway.ask("one")) == b'"one"'
        assert asyncio.run(gateway.ask("two")) == b'"two"'
        assert gateway.replies.late == 0


def test_answers_that_were_there_before_are_not_read(
    settings: KafkaSettings,
    service: Service,
    make_strategy: MakeStrategy,
) -> None:
    with running(settings, make_strategy) as first:
        for number in range(20):
            asyncio.run(first.ask(f"old {number}"))

    with running(settings, make_strategy) as gateway:
        assert asyncio.run(gateway.ask("new")) == b'"new"'


def test_after_a_freeze_the_reader_goes_to_the_end_before_it_asks(
    settings: KafkaSettings, service: Service
) -> None:
    with running(settings, CallerPolls) as gateway:
        asyncio.run(gateway.ask("before"))
        before = service.seen[-1]
        gateway.replies._read_at -= 3_600  # an hour in the freezer
        for _ in range(5):
            service.reply(before, b'"while frozen"', {})

        assert asyncio.run(gateway.ask("after")) == b'"after"'
        assert gateway.replies.late == 0


def test_more_than_can_wait_are_refused_at_once(settings: KafkaSettings, service: Service) -> None:
    service.answer = silence

    async def crowd(gateway: Gateway) -> list[object]:
        asked = [gateway.ask(f"q{n}") for n in range(5)]
        return list(await asyncio.gather(*asked, return_exceptions=True))

    with running(settings, BackgroundPolls, timeout_s=2, limit=3) as gateway:
        kinds = [type(outcome) for outcome in asyncio.run(crowd(gateway))]

    assert kinds == [ReplyTimeout] * 3 + [Overloaded] * 2


@pytest.mark.parametrize("make_strategy", STRATEGIES, ids=["caller", "background"])
def test_without_a_broker_asking_fails_as_unavailable(
    make_strategy: MakeStrategy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shared.bus.reply_consumer._BROKER_TIMEOUT_S", 0.2)
    nowhere = KafkaSettings(kafka_bootstrap_servers=f"127.0.0.1:{ports.any_free()}")
    gateway = Gateway(nowhere, make_strategy, timeout_s=0.3)
    try:
        with pytest.raises(Unavailable):
            asyncio.run(gateway.ask("hello"))
    finally:
        gateway.publisher.close(0)


def test_an_event_is_told_when_it_is_safe_in_kafka(
    settings: KafkaSettings,
    service: Service,
    make_strategy: MakeStrategy,
) -> None:
    service.answer = silence
    with running(settings, make_strategy) as gateway:
        event = Envelope(request_id="r1", idempotency_key="k1")
        asyncio.run(gateway.requester.publish(QUESTIONS, "u1", b"{}", event))

    told = eventually(lambda: [m for m in service.seen if m.key() == b"u1"])[0]
    assert headers_of(told) == {"x-request-id": b"r1", "idempotency-key": b"k1"}


def test_a_delivery_that_fails_is_unavailable(broker: str) -> None:
    publisher = Publisher(
        KafkaSettings(
            kafka_bootstrap_servers=f"127.0.0.1:{ports.any_free()}", kafka_delivery_timeout_ms=200
        )
    )
    publisher.start()

    delivered: Future[None] = publisher.publish("t", value=b"{}", key=None, headers=[])

    with pytest.raises(Unavailable):
        delivered.result(timeout=10)
    publisher.close(0)
