"""The command line: what it needs, what it says, and how it finds the broker."""

from __future__ import annotations

import ctypes

import pytest

from local.services.broker import Broker
from tests.esm.command import Esm, Runner, mapping, template
from tests.esm.endpoint import Endpoint
from tests.esm.kafka import Kafka
from tests.services import eventually


def refusal(running: Esm) -> str:
    """It has ended with a sentence; what that was."""
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
    assert "usage: python -m local.esm" in refusal(esm(template({}), *flags))


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

    eventually(lambda: endpoint.values == ["x"], timeout=30)


def _without_kip_848() -> Broker:
    """A broker such as those before Apache Kafka 4."""
    broker = Broker()
    set_version = broker._rdkafka.rd_kafka_mock_set_apiversion
    set_version.argtypes = (ctypes.c_void_p, ctypes.c_int16, ctypes.c_int16, ctypes.c_int16)
    consumer_group_heartbeat = 68
    assert set_version(broker._cluster, consumer_group_heartbeat, -1, -1) == 0
    broker.create_topic("topic", 4)
    return broker


def test_an_older_broker_gets_the_classic_group_protocol(esm: Runner, endpoint: Endpoint) -> None:
    broker = _without_kip_848()
    Kafka(broker.address, embedded=True).write("topic", "x")

    document = template({"M": mapping("topic")})
    running = esm(document, "--endpoint", endpoint.url, "--once", servers=broker.address)

    assert running.exit_code() == 0
    assert endpoint.values == ["x"]
