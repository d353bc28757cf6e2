"""The command line: what it needs, what it says, and how it finds the broker."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import pytest

from local.services.broker import Broker
from tests.lambda_esm.command import Esm, Runner, mapping, template
from tests.lambda_esm.endpoint import Endpoint
from tests.lambda_esm.kafka import Kafka
from tests.services import eventually


def refusal(running: Esm) -> str:
    """Return the sentence that the command ended with."""
    assert running.exit_code() == 2
    assert "Traceback" not in running.text
    return running.text


def test_a_template_that_is_not_there(esm: Runner) -> None:
    assert "nowhere.yaml cannot be read" in refusal(esm(template({}), "--template", "nowhere.yaml"))


def test_a_template_without_mappings(esm: Runner) -> None:
    text = refusal(esm(template({})))

    assert "has no enabled Kafka event source mapping" in text


def test_an_unknown_function(esm: Runner, topic: str) -> None:
    text = refusal(esm(template({"M": mapping(topic)}), "--function", "Nobody"))

    assert "No Kafka mapping invokes Nobody; there are: Function." in text


def test_an_unreachable_broker(esm: Runner, endpoint: Endpoint, topic: str) -> None:
    flags = ("--endpoint", endpoint.url, "--connect-timeout", "1")

    text = refusal(esm(template({"M": mapping(topic)}), *flags, servers="127.0.0.1:1"))

    assert "No Kafka broker answers at 127.0.0.1:1: " in text


def test_the_templates_own_brokers_when_none_are_given(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    own = {"Endpoints": {"KafkaBootstrapServers": [kafka.servers]}}
    kafka.write(topic, "x")

    document = template({"M": mapping(topic, SelfManagedEventSource=own)})
    running = esm(document, "--endpoint", endpoint.url, "--once", servers=None)

    assert running.exit_code() == 0
    assert endpoint.values == ["x"]


def test_a_setting_that_cannot_be_used(esm: Runner, topic: str) -> None:
    env = {"KAFKA_SECURITY_PROTOCOL": "ROT13"}

    text = refusal(esm(template({"M": mapping(topic)}), env=env))

    assert "KAFKA_SECURITY_PROTOCOL cannot be used" in text


@pytest.mark.parametrize(
    "flags",
    [
        ("--concurrency", "0"),
        ("--retry-delay", "0"),
        ("--parameter", "novalue"),
        ("--invoke", "local", "--endpoint", "http://x"),
        ("--group-protocol", "other"),
    ],
    ids=" ".join,
)
def test_mistakes_on_the_command_line(esm: Runner, flags: tuple[str, ...]) -> None:
    assert "usage: lambda-esm run" in refusal(esm(template({}), *flags))


@pytest.mark.apache
def test_a_topic_that_is_made_later_is_read(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    """The embedded broker makes any topic that is asked for."""
    later = f"{topic}-later"
    running = esm(template({"M": mapping(later)}), "--endpoint", endpoint.url)
    running.find(f"no such topic yet mapping=M topic={later}")
    kafka.create(later)

    kafka.write(later, "x")

    eventually(lambda: endpoint.values == ["x"])


CONSUMER_GROUP_HEARTBEAT = 68
UNSUPPORTED_VERSION = 35


def _without_kip_848(broker: Broker) -> None:
    """As before Apache Kafka 3.7."""
    set_version = broker._rdkafka.rd_kafka_mock_set_apiversion
    set_version.argtypes = (ctypes.c_void_p, ctypes.c_int16, ctypes.c_int16, ctypes.c_int16)
    assert set_version(broker._cluster, CONSUMER_GROUP_HEARTBEAT, -1, -1) == 0


def _with_kip_848_switched_off(broker: Broker) -> None:
    """As from Apache Kafka 3.7 until 4."""
    push = broker._rdkafka.rd_kafka_mock_push_request_errors_array
    push.argtypes = (ctypes.c_void_p, ctypes.c_int16, ctypes.c_size_t, ctypes.c_void_p)
    push.restype = None
    errors = (ctypes.c_int * 1)(UNSUPPORTED_VERSION)
    push(broker._cluster, CONSUMER_GROUP_HEARTBEAT, 1, errors)


@pytest.mark.parametrize("age", [_without_kip_848, _with_kip_848_switched_off])
def test_an_older_broker_gets_the_classic_group_protocol(
    esm: Runner, endpoint: Endpoint, age: Callable[[Broker], None]
) -> None:
    broker = Broker()
    broker.create_topic("topic", 4)
    age(broker)
    Kafka(broker.address, embedded=True).write("topic", "x")

    document = template({"M": mapping("topic")})
    running = esm(document, "--endpoint", endpoint.url, "--once", servers=broker.address)

    assert running.exit_code() == 0
    assert endpoint.values == ["x"]


def test_a_kafka_property_that_does_not_exist(esm: Runner, endpoint: Endpoint, topic: str) -> None:
    flags = ("--endpoint", endpoint.url, "--kafka-property", "no.such=1")

    text = refusal(esm(template({"M": mapping(topic)}), *flags))

    assert 'cannot be configured so: No such configuration property: "no.such"' in text
