"""``--endpoint``: functions behind a Lambda Invoke API."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack

import httpx
import pytest

from tests.lambda_esm.aws import Aws
from tests.lambda_esm.command import Runner, mapping, template
from tests.lambda_esm.endpoint import ERROR, OK, Call, Endpoint, Reply
from tests.lambda_esm.kafka import Kafka
from tests.services import eventually

EMULATOR = "/2015-03-31/functions/function/invocations"


def test_connections_are_kept_alive(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    kafka.write(topic, *(str(number) for number in range(50)))

    esm.once(template({"M": mapping(topic, BatchSize=1)}), endpoint.url)

    assert len(endpoint.calls) == 50
    assert len({call.connection for call in endpoint.calls}) == 1


def test_a_connection_for_each_invocation_that_is_out(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    together = threading.Barrier(4, timeout=30)

    def answer(call: Call) -> Reply:
        if len(endpoint.calls) <= 4:
            together.wait()
        return OK

    endpoint.answer = answer
    for partition in range(4):
        kafka.write(topic, *"abcdefgh", partition=partition)

    esm.once(template({"M": mapping(topic, BatchSize=1)}), endpoint.url)

    assert len({call.connection for call in endpoint.calls}) == 4


def test_the_emulator_of_one_container_gets_one_invocation_at_a_time(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    def answer(_: Call) -> Reply:
        time.sleep(0.02)
        return OK

    endpoint.answer = answer
    for partition in range(4):
        kafka.write(topic, *"abcde", partition=partition)

    esm.once(template({"M": mapping(topic, BatchSize=1)}), endpoint.url + EMULATOR)

    assert {call.path for call in endpoint.calls} == {EMULATOR}
    assert len(endpoint.calls) == 20
    for earlier, later in zip(endpoint.calls, endpoint.calls[1:], strict=False):
        assert later.began >= (earlier.ended or 0)


def test_several_containers_of_the_emulator_are_a_pool(
    esm: Runner, kafka: Kafka, topic: str
) -> None:
    with ExitStack() as stack:
        containers = [stack.enter_context(Endpoint()) for _ in range(3)]
        together = threading.Barrier(3, timeout=30)

        def answer(_: Call) -> Reply:
            together.wait()
            return OK

        for container in containers:
            container.answer = answer
        for partition in range(3):
            kafka.write(topic, "x", partition=partition)
        flags = [part for c in containers for part in ("--endpoint", c.url + EMULATOR)]

        running = esm(template({"M": mapping(topic, BatchSize=1)}), *flags, "--once")

        assert running.exit_code() == 0
        assert [len(container.calls) for container in containers] == [1, 1, 1]


@pytest.mark.parametrize(
    ("reply", "result"),
    [
        (ERROR, "error"),
        (Reply({"errorMessage": "x"}, error="Handled"), "error"),
        (Reply({"errorMessage": "boom", "errorType": "ValueError", "stackTrace": []}), "error"),
        (Reply(raw=b"Task timed out after 3.00 seconds"), "timeout"),
        (Reply({"errorMessage": "Task timed out after 3 s"}, error="Unhandled"), "timeout"),
        (Reply({"Message": "Rate Exceeded."}, 429), "throttled"),
        (Reply({"Message": "x"}, 502), "unreachable"),
        (Reply({"Message": "Function not found"}, 404), "unreachable"),
        (Reply({"anything": "else"}), "success"),
    ],
    ids=[
        "unhandled", "handled", "unmarked, as the emulator does", "timeout of the emulator",
        "timeout", "throttle", "server error", "no such function", "success",
    ],
)  # fmt: skip
def test_what_an_answer_means(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str, reply: Reply, result: str
) -> None:
    endpoint.answer = lambda _: reply if len(endpoint.calls) == 1 else OK
    kafka.write(topic, "x")

    running = esm.once(template({"M": mapping(topic)}), endpoint.url)

    assert running.invocations()[0]["result"] == result


def test_functions_in_moto(esm: Runner, kafka: Kafka, topic: str) -> None:
    aws = Aws()
    httpx.post(f"{aws.url}/moto-api/config", json={"lambda": {"use_docker": False}})
    aws.function("Function")
    kafka.write(topic, "x")
    partial = mapping(topic, FunctionResponseTypes=["ReportBatchItemFailures"])

    running = esm(template({"M": partial}), "--endpoint", aws.url, "--once", env=aws.env)

    assert running.exit_code() == 0
    assert [line["result"] for line in running.invocations()] == ["success"]
    aws.close()


def test_the_invocation_is_named_as_the_api_named_it(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    endpoint.request_id = "316aa6d0-8154-xmpl-9af7-85d5f4a6bc81"
    kafka.write(topic, "x")

    running = esm.once(template({"M": mapping(topic)}), endpoint.url)

    assert running.invocations()[0]["request_id"] == endpoint.request_id


def test_with_credentials_requests_are_signed(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    kafka.write(topic, "x")
    credentials = {
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "eu-west-1",
    }

    flags = ("--endpoint", endpoint.url, "--once")
    assert esm(template({"M": mapping(topic)}), *flags, env=credentials).exit_code() == 0

    signature = endpoint.calls[0].headers["Authorization"]
    assert signature.startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert "/eu-west-1/lambda/aws4_request" in signature


@pytest.mark.parametrize("url", ["localhost:3001", "ftp://localhost", "http://"])
def test_an_endpoint_that_is_no_url_is_refused(esm: Runner, topic: str, url: str) -> None:
    running = esm(template({"M": mapping(topic)}), "--endpoint", url)

    assert running.exit_code() == 2
    assert f"The endpoint {url!r} is not a URL such as http://127.0.0.1:3001" in running.text


def test_an_endpoint_that_comes_back_is_used_again(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    """A kept connection that the other side has closed must not cost a retry."""
    endpoint.close_after_answer = True
    kafka.write(topic, "a", "b", "c")

    bounded = mapping(topic, BatchSize=1, MaximumRetryAttempts=0)
    running = esm(template({"M": bounded}), "--endpoint", endpoint.url).ready()

    eventually(lambda: endpoint.values == ["a", "b", "c"])
    assert {line["result"] for line in running.invocations()} <= {"success", "unreachable"}
