"""The whole function, as the handler calls it: AWS's event in, mails out, failures listed."""

from __future__ import annotations

import logging
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from email.message import EmailMessage
from threading import Timer

import pytest
from moto import mock_aws
from redis import Redis

from local.process import Process
from notification.bootstrap import NotificationFunction
from notification.settings import Settings
from shared.config.settings import load
from shared.contract.envelope import Envelope
from shared.contract.messages import Message, SendEmail, SendPasswordReset, SendWelcome, encode
from shared.contract.topics import (
    NOTIFICATION_EMAIL,
    NOTIFICATION_PASSWORD_RESET,
    NOTIFICATION_WELCOME,
)
from shared.security.sealing import Sealer
from tests.events import kafka
from tests.events.kafka import failures
from tests.integration.notification.mail_server import MailServer
from tests.unit.notification.environment import environment, keys

TOKEN = "hunter2-hunter2"
Build = Callable[..., NotificationFunction]


class Context:
    def __init__(self, remaining_ms: int = 120_000) -> None:
        self._end = time.monotonic() + remaining_ms / 1000

    def get_remaining_time_in_millis(self) -> int:
        return int((self._end - time.monotonic()) * 1000)


def a_record(
    topic: str, message: Message, offset: int = 0, key: str = "user1"
) -> dict[str, object]:
    headers = Envelope(correlation_id="c1", request_id="r1").to_headers()
    return kafka.record(
        topic,
        encode(message),
        key=key.encode(),
        headers=[(name, text) for name, text in headers if isinstance(text, bytes)],
        offset=offset,
    )


def welcome(number: int) -> dict[str, object]:
    message = SendWelcome(user_id=f"user{number}", email=f"p{number}@example.com")
    return a_record(NOTIFICATION_WELCOME, message, number, message.user_id)


def reset() -> dict[str, object]:
    sealed = Sealer(keys().public()).seal(
        TOKEN, topic=NOTIFICATION_PASSWORD_RESET, field="token", correlation_id="c1"
    )
    message = SendPasswordReset(user_id="user1", email="zoe@example.com", token=sealed)
    return a_record(NOTIFICATION_PASSWORD_RESET, message)


@pytest.fixture
def build(redis_url: str) -> Iterator[Build]:
    """Yield a builder of functions in an environment; close them."""
    with ExitStack() as stack:

        def make(**variables: str) -> NotificationFunction:
            env = environment(**{"REDIS_URL": redis_url, **variables})
            function = NotificationFunction(load(Settings, env))
            stack.callback(function.close)
            return function

        yield make


@pytest.fixture
def function(build: Build, redis: Redis, mail_server: MailServer) -> NotificationFunction:
    """Build the function, with an empty memory."""
    return build(SMTP_URL=f"smtp://127.0.0.1:{mail_server.port}")


def text_of(mail: EmailMessage, kind: str = "plain") -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_each_kind_of_mail_arrives(function: NotificationFunction, mail_server: MailServer) -> None:
    email = SendEmail(to="joe@example.com", subject="News", text="What happened.")
    event = kafka.event(welcome(1), reset(), a_record(NOTIFICATION_EMAIL, email))
    assert function(event, Context()) == {"batchItemFailures": []}
    mails = dict(mail_server.mails)
    assert mails.keys() == {"p1@example.com", "zoe@example.com", "joe@example.com"}
    for kind in ("plain", "html"):
        assert "Welcome to Acme" in text_of(mails["p1@example.com"], kind)
        assert "What happened." in text_of(mails["joe@example.com"], kind)
        link = re.search(r"https://\S+?token=([\w-]+)", text_of(mails["zoe@example.com"], kind))
        assert link is not None
        assert link[1] == TOKEN


def test_a_batch_delivered_twice_is_sent_once(
    function: NotificationFunction, mail_server: MailServer
) -> None:
    event = kafka.event(*map(welcome, range(20)))
    for _ in range(2):
        assert failures(function(event, Context())) == []
    assert sorted(mail_server.addresses) == sorted({f"p{n}@example.com" for n in range(20)})


def test_a_batch_delivered_to_two_environments_at_once_is_sent_once(
    build: Build, redis: Redis, mail_server: MailServer
) -> None:
    functions = [build(SMTP_URL=f"smtp://127.0.0.1:{mail_server.port}") for _ in range(2)]
    event = kafka.event(*map(welcome, range(20)))
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda function: function(event, Context()), functions))
    assert [failures(answer) for answer in answers] == [[], []]
    assert sorted(mail_server.addresses) == sorted({f"p{n}@example.com" for n in range(20)})


def test_a_redis_that_answers_late_makes_no_mail_wait_for_a_lease(
    build: Build, mortal_redis: tuple[str, Process], mail_server: MailServer
) -> None:
    url, server = mortal_redis
    function = build(REDIS_URL=url, SMTP_URL=f"smtp://127.0.0.1:{mail_server.port}")
    assert function(kafka.event(welcome(0)), Context()) == {"batchItemFailures": []}
    os.kill(server.pid, signal.SIGSTOP)
    # Longer than the patience of one attempt was when each was made twice, and shorter than now.
    waking = Timer(1.5, os.kill, (server.pid, signal.SIGCONT))
    waking.start()

    # Time for the effect, and none to wait until a mark of its own has run out.
    answer = function(kafka.event(welcome(1)), Context(remaining_ms=27_000))

    waking.join()
    assert answer == {"batchItemFailures": []}
    assert mail_server.addresses == ["p0@example.com", "p1@example.com"]


def test_a_record_that_cannot_be_sent_does_not_hold_up_the_others(
    function: NotificationFunction, mail_server: MailServer
) -> None:
    poison = kafka.record(NOTIFICATION_WELCOME, b"not JSON", key=b"user9", offset=9)
    answer = function(kafka.event(welcome(1), poison, welcome(2)), Context())
    assert failures(answer) == [(f"{NOTIFICATION_WELCOME}-0", 9)]
    assert sorted(mail_server.addresses) == ["p1@example.com", "p2@example.com"]


def test_a_mail_the_server_refuses_for_good_is_listed(
    function: NotificationFunction, mail_server: MailServer
) -> None:
    mail_server.to_recipient = "550 5.1.1 unknown"
    answer = function(kafka.event(welcome(1)), Context())
    assert failures(answer) == [(f"{NOTIFICATION_WELCOME}-0", 1)]


def test_while_the_mail_server_is_away_all_is_listed_and_then_sent_once(
    build: Build, redis: Redis
) -> None:
    server = MailServer()
    function = build(SMTP_URL=f"smtp://127.0.0.1:{server.port}")
    event = kafka.event(*map(welcome, range(5)))
    assert len(failures(function(event, Context()))) == 5
    with server:
        assert failures(function(event, Context())) == []
        assert failures(function(event, Context())) == []
        function.close()
    assert sorted(server.addresses) == [f"p{n}@example.com" for n in range(5)]


def test_while_redis_is_away_nothing_is_sent_and_all_is_listed(
    build: Build, mail_server: MailServer, mortal_redis: tuple[str, Process]
) -> None:
    url, process = mortal_redis
    function = build(REDIS_URL=url, SMTP_URL=f"smtp://127.0.0.1:{mail_server.port}")
    process.kill()
    assert len(failures(function(kafka.event(*map(welcome, range(3))), Context()))) == 3
    assert mail_server.mails == []


def test_connections_that_died_between_two_invocations_cost_nothing(
    build: Build, redis: Redis
) -> None:
    server = MailServer()
    function = build(SMTP_URL=f"smtp://127.0.0.1:{server.port}")
    for number in range(2):
        with server:
            assert failures(function(kafka.event(welcome(number)), Context())) == []
        redis.client_kill_filter(_type="normal", skipme=True)
    assert server.addresses == ["p0@example.com", "p1@example.com"]


def test_an_invocation_about_to_end_begins_no_mail(
    function: NotificationFunction, mail_server: MailServer
) -> None:
    answer = function(kafka.event(welcome(1)), Context(remaining_ms=1000))
    assert failures(answer) == [(f"{NOTIFICATION_WELCOME}-0", 1)]
    assert mail_server.mails == []


def test_redis_holds_neither_addresses_nor_tokens(
    function: NotificationFunction, redis: Redis
) -> None:
    function(kafka.event(welcome(1), reset()), Context())
    names = list(redis.scan_iter())
    assert len(names) == 2
    held = str([(name, redis.get(name)) for name in names])
    assert not re.search("hunter2|example|user1|zoe", held)


@pytest.mark.parametrize("transport", ["smtp", "ses"])
def test_no_log_line_has_a_token_or_a_whole_address_even_at_debug(
    build: Build,
    redis: Redis,
    mail_server: MailServer,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    transport: str,
) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "eu-central-1")
    with caplog.at_level(logging.DEBUG), mock_aws():
        function = build(MAIL_TRANSPORT=transport, SMTP_URL=f"smtp://127.0.0.1:{mail_server.port}")
        _verify_sender(transport)
        caplog.clear()
        assert failures(function(kafka.event(reset()), Context())) == []
        ours = [line for line in caplog.records if line.name != "mail.log"]  # aiosmtpd's
    assert [line.message for line in ours if line.name.startswith("notification")] == ["mail sent"]
    said = str([vars(line) | {"formatted": line.getMessage()} for line in ours])
    assert "hunter2" not in said
    assert "zoe@example.com" not in said


def _verify_sender(transport: str) -> None:
    if transport == "ses":
        import boto3

        client = boto3.client("sesv2")
        client.create_email_identity(EmailIdentity="acme.example")
        client.close()
