"""Batches: "Poll, batch, invoke" of AWS's documentation, sentence by sentence."""

from __future__ import annotations

import threading
import time

from tests.lambda_esm.command import Runner, mapping, template
from tests.lambda_esm.endpoint import OK, Call, Endpoint, Reply
from tests.lambda_esm.kafka import Headers, Kafka
from tests.services import eventually


def numbered(count: int) -> list[str]:
    return [f"value-{number}" for number in range(count)]


def hold(endpoint: Endpoint) -> threading.Event:
    """Keep every invocation out until the event is set."""
    gate = threading.Event()

    def answer(_: Call) -> Reply:
        assert gate.wait(30)
        return OK

    endpoint.answer = answer
    return gate


def test_records_are_read_sequentially_per_partition(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    for partition in range(4):
        kafka.write(topic, *numbered(50), partition=partition)

    document = template({"M": mapping(topic, BatchSize=7)})
    esm.once(document, endpoint.url)

    offsets = [place for call in endpoint.calls for place in call.offsets]
    for partition in range(4):
        assert [o for p, o in offsets if p == partition] == list(range(50))


def test_one_payload_may_carry_several_partitions(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    for partition in range(4):
        kafka.write(topic, "a", "b", partition=partition)

    document = template({"M": mapping(topic, MaximumBatchingWindowInSeconds=1)})
    esm.once(document, endpoint.url)

    (call,) = endpoint.calls
    assert call.partitions == {f"{topic}-{partition}" for partition in range(4)}


def test_a_batch_goes_when_batch_size_is_reached_however_long_the_window(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    document = template({"M": mapping(topic, BatchSize=10, MaximumBatchingWindowInSeconds=300)})
    esm(document, "--endpoint", endpoint.url).ready()

    kafka.write(topic, *numbered(25))

    eventually(lambda: len(endpoint.calls) == 2)
    assert [len(call.records) for call in endpoint.calls] == [10, 10]
    assert endpoint.values == numbered(20), "five wait for more, or for the window"


def test_no_batch_is_larger_than_batch_size(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    for partition in range(4):
        kafka.write(topic, *numbered(33), partition=partition)

    esm.once(template({"M": mapping(topic, BatchSize=10)}), endpoint.url)

    sizes = [len(call.records) for call in endpoint.calls]
    assert max(sizes) <= 10
    assert sum(sizes) == 4 * 33


def test_batch_size_is_100_by_default(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    kafka.write(topic, *numbered(250))

    document = template({"M": mapping(topic, MaximumBatchingWindowInSeconds=300)})
    esm(document, "--endpoint", endpoint.url)

    eventually(lambda: len(endpoint.calls) == 2)
    assert [len(call.records) for call in endpoint.calls] == [100, 100]


def test_the_window_starts_as_soon_as_the_first_record_arrives(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    document = template({"M": mapping(topic, MaximumBatchingWindowInSeconds=1)})
    esm(document, "--endpoint", endpoint.url).ready()
    begun = time.monotonic()

    kafka.write(topic, "first")
    kafka.write(topic, "second", partition=3)

    (call,) = eventually(lambda: endpoint.calls[:])
    assert call.began - begun >= 0.9, "the window was not waited for"
    assert set(call.values) == {"first", "second"}


def test_the_window_is_500_ms_when_it_is_not_set(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    document = template({"M": mapping(topic)})
    del document["Resources"]["M"]["Properties"]["MaximumBatchingWindowInSeconds"]
    esm(document, "--endpoint", endpoint.url).ready()
    begun = time.monotonic()

    kafka.write(topic, "first")
    kafka.write(topic, "second")

    (call,) = eventually(lambda: endpoint.calls[:])
    assert call.began - begun >= 0.45
    assert call.values == ["first", "second"]


def test_with_window_0_records_are_processed_without_waiting_to_fill_the_batch(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    document = template({"M": mapping(topic, BatchSize=10_000, MaximumBatchingWindowInSeconds=0)})
    esm(document, "--endpoint", endpoint.url).ready()

    for value in ("a", "b", "c"):
        kafka.write(topic, value)
        eventually(lambda: endpoint.values)
        assert [call.values for call in endpoint.calls] == [[value]]
        endpoint.calls.clear()


def test_a_batch_goes_when_the_payload_reaches_the_limit(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    limit = 100_000
    document = template({"M": mapping(topic, MaximumBatchingWindowInSeconds=300)})
    esm(document, "--endpoint", endpoint.url, "--payload-limit", str(limit)).ready()

    kafka.write(topic, *(bytes(10_000) for _ in range(20)))  # 13.3 kB each as base64

    eventually(lambda: len(endpoint.calls) >= 2)
    assert all(len(call.body) <= limit for call in endpoint.calls)
    assert [len(call.records) for call in endpoint.calls[:2]] == [7, 7]


def test_the_payload_limit_is_6_mb_and_counts_keys_and_headers(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    big = 200_000
    for number in range(16):
        headers: Headers = [("h", b"\x80" * 20_000)]
        kafka.write(topic, bytes(big), key=bytes(big), headers=headers, partition=number % 4)

    esm.once(template({"M": mapping(topic)}), endpoint.url)

    assert sum(len(call.records) for call in endpoint.calls) == 16
    assert all(len(call.body) <= 6_291_456 for call in endpoint.calls)


def test_never_two_invocations_out_with_the_same_partition(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    def slow(call: Call) -> Reply:
        time.sleep(0.02)
        return OK

    endpoint.answer = slow
    for partition in range(4):
        kafka.write(topic, *numbered(40), partition=partition)

    esm.once(template({"M": mapping(topic, BatchSize=5)}), endpoint.url)

    for number, call in enumerate(endpoint.calls):
        during = [c for c in endpoint.calls[number + 1 :] if c.began < (call.ended or 0)]
        assert not any(call.partitions & other.partitions for other in during)


def test_partitions_are_worked_on_side_by_side(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    gate = hold(endpoint)
    for partition in range(4):
        kafka.write(topic, "x", partition=partition)

    esm(template({"M": mapping(topic, BatchSize=1)}), "--endpoint", endpoint.url)

    eventually(lambda: len(endpoint.out) == 4)
    assert {place for call in endpoint.out for place in call.partitions} == {
        f"{topic}-{partition}" for partition in range(4)
    }
    gate.set()


def test_a_slow_partition_does_not_keep_others_waiting(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    gate = threading.Event()

    def answer(call: Call) -> Reply:
        if f"{topic}-0" in call.partitions:
            assert gate.wait(30)
        return OK

    endpoint.answer = answer
    esm(template({"M": mapping(topic)}), "--endpoint", endpoint.url).ready()
    kafka.write(topic, "slow", partition=0)
    eventually(lambda: endpoint.out)

    kafka.write(topic, "behind it", partition=0)
    kafka.write(topic, *numbered(5), partition=1)

    eventually(lambda: [v for v in endpoint.values if v.startswith("value")] == numbered(5))
    assert "behind it" not in endpoint.values
    gate.set()
    eventually(lambda: "behind it" in endpoint.values)


def test_no_more_invocations_out_than_the_functions_concurrency(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    gate = hold(endpoint)
    for partition in range(4):
        kafka.write(topic, *numbered(10), partition=partition)
    document = template({"M": mapping(topic, BatchSize=1)})
    document["Resources"]["Function"]["Properties"]["ReservedConcurrentExecutions"] = 2

    running = esm(document, "--endpoint", endpoint.url, "--once")
    eventually(lambda: len(endpoint.out) == 2)
    gate.set()
    running.exit_code()

    assert most_at_once(endpoint) == 2
    assert len(endpoint.calls) == 40


def test_concurrency_from_the_command_line_is_shared_by_the_functions_mappings(
    esm: Runner, endpoint: Endpoint, kafka: Kafka
) -> None:
    gate = hold(endpoint)
    topics = [kafka.topic("shared") for _ in range(3)]
    for topic in topics:
        kafka.write(topic, "x")
    document = template({f"M{n}": mapping(topic) for n, topic in enumerate(topics)})

    running = esm(document, "--endpoint", endpoint.url, "--concurrency", "1", "--once")
    eventually(lambda: endpoint.out)
    gate.set()
    running.exit_code()

    assert most_at_once(endpoint) == 1
    assert len(endpoint.calls) == 3


def test_more_pollers_than_partitions_are_of_no_use(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    gate = hold(endpoint)
    for partition in range(4):
        kafka.write(topic, *numbered(30), partition=partition)
    pollers = {"MinimumPollers": 100, "MaximumPollers": 100}

    running = esm(
        template({"M": mapping(topic, BatchSize=1, ProvisionedPollerConfig=pollers)}),
        *("--endpoint", endpoint.url, "--once"),
    )
    eventually(lambda: len(endpoint.out) == 4)
    gate.set()
    running.exit_code()

    assert most_at_once(endpoint) == 4


def test_a_batch_is_never_wider_than_one_pollers_partitions(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    for partition in range(4):
        kafka.write(topic, "a", "b", partition=partition)
    wide = {"MinimumPollers": 4, "MaximumPollers": 4}

    pollers = mapping(topic, MaximumBatchingWindowInSeconds=1, ProvisionedPollerConfig=wide)
    esm.once(template({"M": pollers}), endpoint.url)

    assert [len(call.partitions) for call in endpoint.calls] == [1, 1, 1, 1]


def test_mappings_are_independent_of_each_other(
    esm: Runner, endpoint: Endpoint, kafka: Kafka
) -> None:
    topics = {name: kafka.topic(name) for name in ("stuck", "first", "second")}

    def answer(call: Call) -> Reply:
        is_stuck = any(place.startswith(topics["stuck"]) for place in call.partitions)
        return Reply(status=500, body={"Type": "Service"}) if is_stuck else OK

    endpoint.answer = answer
    esm(
        template({name: mapping(topic) for name, topic in topics.items()}),
        *("--endpoint", endpoint.url),
    ).ready()
    for name, topic in topics.items():
        kafka.write(topic, name)

    eventually(lambda: {"first", "second"} <= set(endpoint.values))


def test_several_functions_may_read_one_topic(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    from tests.lambda_esm.command import function

    kafka.write(topic, "x")
    other = mapping(topic, FunctionName="Other", SelfManagedKafkaEventSourceConfig={})
    document = template({"Other": function(), "A": mapping(topic), "B": other})

    esm.once(document, endpoint.url)

    assert {call.function for call in endpoint.calls} == {"Function", "Other"}
    assert endpoint.values == ["x", "x"]


def test_a_poisoned_partition_is_paused_and_the_others_flow(
    esm: Runner, endpoint: Endpoint, kafka: Kafka, topic: str
) -> None:
    """Back-pressure: far more waits behind the stuck batch than is kept in memory."""
    gate = threading.Event()

    def answer(call: Call) -> Reply:
        if f"{topic}-0" in call.partitions:
            assert gate.wait(60)
        return OK

    endpoint.answer = answer
    kafka.write(topic, *numbered(5000), partition=0)
    running = esm(template({"M": mapping(topic)}), "--endpoint", endpoint.url, "--once")
    eventually(lambda: endpoint.out)

    kafka.write(topic, *numbered(3000), partition=1)

    def others() -> int:
        return sum(p == 1 for call in list(endpoint.calls) for p, _ in call.offsets)

    eventually(lambda: others() == 3000)
    gate.set()
    running.exit_code()
    stuck = [offset for call in endpoint.calls for p, offset in call.offsets if p == 0]
    assert stuck == list(range(5000))


def most_at_once(endpoint: Endpoint) -> int:
    moments = [(call.began, 1) for call in endpoint.calls]
    moments += [(call.ended or 0, -1) for call in endpoint.calls]
    at_once = most = 0
    for _, change in sorted(moments):
        at_once += change
        most = max(most, at_once)
    return most
