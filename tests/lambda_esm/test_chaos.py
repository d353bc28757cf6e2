"""All at once: failures of every kind, members that come, go and are killed. Nothing is lost."""

from __future__ import annotations

import itertools
import random
import threading
import time
from pathlib import Path

from local.process import Group
from tests.lambda_esm.command import Esm, Runner, group_of, mapping, template
from tests.lambda_esm.endpoint import ERROR, THROTTLED, Call, Endpoint, Reply, failing
from tests.lambda_esm.kafka import PARTITIONS, Kafka
from tests.services import eventually


class Unreliable:
    """A function that fails in every way; it remembers what it has done."""

    def __init__(self, topic: str, seed: int) -> None:
        self.topic = topic
        self.done: set[tuple[int, int]] = set()
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def __call__(self, call: Call) -> Reply:
        with self._lock:
            chance, pause = self._random.random(), self._random.uniform(0, 0.02)
            bad = {place for place in call.offsets if self._random.random() < 0.02}
        time.sleep(pause)
        if chance < 0.1:
            return ERROR if chance < 0.05 else THROTTLED
        with self._lock:
            self.done |= set(call.offsets) - bad
        return failing(*((f"{self.topic}-{partition}", offset) for partition, offset in bad))


def overlaps(calls: list[Call]) -> int:
    """How often two invocations with the same partition were out together."""
    spans: dict[str, list[tuple[float, float]]] = {}
    for call in calls:
        for name in call.partitions:
            spans.setdefault(name, []).append((call.began, call.ended or 0))
    return sum(
        later[0] < earlier[1] - 0.001
        for each in spans.values()
        for earlier, later in itertools.pairwise(sorted(each))
    )


def test_nothing_is_lost_whatever_happens(
    tmp_path: Path, endpoint: Endpoint, kafka: Kafka, group: Group, topic: str
) -> None:
    function = endpoint.answer = Unreliable(topic, seed=7)
    properties = {"BatchSize": 20, "BisectBatchOnFunctionError": True}
    document = template(
        {"M": mapping(topic, FunctionResponseTypes=["ReportBatchItemFailures"], **properties)}
    )
    runners = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        runners.append(Runner(tmp_path / name, kafka.servers, kafka.fetch_wait_ms, group))
    members = [runner(document, "--endpoint", endpoint.url).ready() for runner in runners]
    written = 0

    def write() -> None:
        nonlocal written
        for partition in range(PARTITIONS):
            values = (str(number) for number in range(written, written + 100))
            kafka.write(topic, *values, partition=partition)
        written += 100

    for index, end in ((0, Esm.stop), (1, Esm.kill), (0, Esm.kill)):
        write()
        eventually(lambda: endpoint.out)
        end(members[index])
        members[index] = runners[index](document, "--endpoint", endpoint.url)
    write()

    everything = {(partition, offset) for partition in range(4) for offset in range(written)}
    eventually(lambda: function.done == everything, timeout=90)
    ends = dict.fromkeys(range(PARTITIONS), written)
    eventually(lambda: kafka.committed(group_of(topic), topic) == ends)
    assert overlaps(endpoint.calls) == 0
    for runner in runners:
        runner.close()
