"""Seen from outside: a line for each invocation, Prometheus's metrics, and health."""

from __future__ import annotations

import json
import re
import threading
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from local.process import Group
from local.services import broker as broker_service
from shared.contract.topics import USER_FIND
from tests.lambda_esm.command import Esm, Runner, mapping, template
from tests.lambda_esm.endpoint import ERROR, OK, Endpoint
from tests.lambda_esm.kafka import Kafka
from tests.services import eventually, start

HTTP = ("--http", "127.0.0.1:0")


def base_url(running: Esm) -> str:
    return running.find(r"serving metrics and health url=(\S+)")[1]


def metrics(url: str) -> dict[str, float]:
    """All samples; labels other than the mapping's name are part of the key."""
    text = httpx.get(f"{url}/metrics").text
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = "".join(f"|{v}" for k, v in sorted(sample.labels.items()) if k != "mapping")
            found[sample.name.removeprefix("lambda_esm_") + labels] = sample.value
    return found


def health(url: str) -> tuple[int, dict[str, Any]]:
    answer = httpx.get(f"{url}/healthz")
    return answer.status_code, answer.json()


def test_one_line_for_each_invocation(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    endpoint.answer = lambda _: OK if len(endpoint.calls) > 1 else ERROR
    kafka.write(topic, "a", "b", "c", partition=2)

    running = esm.once(template({"M": mapping(topic)}), endpoint.url)

    failed, succeeded = running.invocations()
    for line in (failed, succeeded):
        assert (line["function"], line["mapping"]) == ("Function", "M")
        assert (line["records"], line["offsets"]) == ("3", "2:0-2")
        assert re.fullmatch(r"\d+\.\d", line["ms"])
        assert line["request_id"]
    assert (failed["result"], failed["failed"]) == ("error", "3")
    assert failed["reason"] == "ValueError: boom"
    assert succeeded["result"] == "success"


def test_lines_are_json_where_that_is_asked_for(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    kafka.write(topic, "x")
    flags = ("--endpoint", endpoint.url, "--once")

    running = esm(template({"M": mapping(topic)}), *flags, env={"LOG_FORMAT": "json"})
    running.exit_code()

    (line,) = [each for each in map(json.loads, running.lines) if each["message"] == "invoked"]
    assert (line["result"], line["records"], line["service"]) == ("success", 1, "esm")


def test_values_and_keys_never_reach_the_log(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    endpoint.answer = lambda _: ERROR
    kafka.write(topic, "a secret value", key=b"a secret key", headers=[("h", b"a secret header")])
    flags = ("--endpoint", endpoint.url, "--once")

    document = template({"M": mapping(topic, MaximumRetryAttempts=1)})
    running = esm(document, *flags, env={"LOG_LEVEL": "DEBUG"})
    running.exit_code()

    assert "records given up" in running.text
    assert "secret" not in running.text


def test_the_counts_of_events_are_those_that_lambda_publishes(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    endpoint.answer = lambda call: ERROR if "bad" in call.values else OK
    failed = kafka.topic("failed")
    properties = {
        "BatchSize": 1,
        "MaximumRetryAttempts": 1,
        "FilterCriteria": {"Filters": [{"Pattern": '{"value": ["good", "bad"]}'}]},
        "DestinationConfig": {"OnFailure": {"Destination": f"kafka://{failed}"}},
    }
    running = esm(template({"M": mapping(topic, **properties)}), "--endpoint", endpoint.url, *HTTP)
    url = base_url(running.ready())

    kafka.write(topic, "good", "filtered", "bad", "good", "filtered")

    eventually(lambda: metrics(url)["committed_events_total"] == 5)
    found = metrics(url)
    assert found["polled_events_total"] == 5
    assert found["filtered_out_events_total"] == 2
    assert found["invoked_events_total"] == 4, "the bad one twice"
    assert found["failed_invoke_events_total"] == 2
    assert found["on_failure_destination_delivered_events_total"] == 1
    assert found["dropped_events_total"] == 0
    assert found["invoke_errors_total"] == 2
    assert found["invocations_total|success"] == 2
    assert found["invocations_total|error"] == 2
    assert found["invocation_seconds_count"] == 4
    assert found["batch_records_bucket|1.0"] == 4


def test_records_given_up_without_a_destination_count_as_dropped(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    endpoint.answer = lambda _: ERROR
    document = template({"M": mapping(topic, MaximumRetryAttempts=0)})
    url = base_url(esm(document, "--endpoint", endpoint.url, *HTTP).ready())

    kafka.write(topic, "a", "b")

    eventually(lambda: metrics(url)["dropped_events_total"] == 2)


def test_lag_age_and_what_is_out(esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str) -> None:
    gate = threading.Event()
    endpoint.answer = lambda _: OK if gate.wait(30) else ERROR
    document = template({"M": mapping(topic, BatchSize=1)})
    url = base_url(esm(document, "--endpoint", endpoint.url, *HTTP).ready())

    kafka.write(topic, "a", "b", "c", partition=1)

    eventually(lambda: metrics(url).get("lag_records|1") == 3)
    assert metrics(url)["in_flight_batches"] == 1
    gate.set()
    eventually(lambda: metrics(url)["lag_records|1"] == 0)
    assert metrics(url)["in_flight_batches"] == 0
    assert 0 <= metrics(url)["record_age_seconds"] < 60


def test_healthz_says_whether_all_groups_are_joined(
    esm: Runner, endpoint: Endpoint, kafka: Kafka
) -> None:
    document = template({"A": mapping(kafka.topic("a")), "B": mapping(kafka.topic("b"))})
    url = base_url(esm(document, "--endpoint", endpoint.url, *HTTP).ready())

    status, state = health(url)

    assert status == 200
    assert state["healthy"]
    assert state["alive"]
    assert {name: each["joined"] for name, each in state["mappings"].items()} == {
        "A": True,
        "B": True,
    }
    assert httpx.get(f"{url}/livez").status_code == 200
    assert httpx.get(f"{url}/other").status_code == 404


def test_healthz_turns_when_the_broker_is_gone_and_livez_does_not(
    esm: Runner, endpoint: Endpoint, group: Group
) -> None:
    broker, told = start(broker_service.command(), group)
    document = template({"M": mapping(USER_FIND)})
    running = esm(document, "--endpoint", endpoint.url, *HTTP, servers=told["address"]).ready()
    url = base_url(running)
    assert health(url)[0] == 200

    broker.kill()

    eventually(lambda: health(url)[0] == 503)
    assert httpx.get(f"{url}/livez").status_code == 200
    assert running.running, "it waits for the broker to come back"


def test_an_address_that_is_taken_is_said(esm: Runner, endpoint: Endpoint, topic: str) -> None:
    taken = endpoint.url.removeprefix("http://")

    running = esm(template({"M": mapping(topic)}), "--endpoint", endpoint.url, "--http", taken)

    assert running.exit_code() == 2
    assert f"Cannot serve HTTP on '{taken}'" in running.text
