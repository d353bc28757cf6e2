"""The event source mapping beside its limits: ``make bench-esm``.

On one core each: a loop that only consumes, the same loop building the AWS event and nothing else,
and the command with a handler that does nothing. Then the command with worker processes and over
HTTP, and the time from a record's writing to its invocation. Ratios hold between machines, the
rates do not.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from local import ports
from local.process import Command, Group, Process, module
from local.services import apache_kafka
from tests.services import PATIENCE_S

PARTITIONS: Final = 8
TOPIC: Final = "bench"
TOPIC_OF_LATENCIES: Final = "bench-latencies"
_BATCH: Final = 100
_READ_AT_ONCE: Final = 1000
_UNCOUNTED: Final = 100  # until connections and code are warm
_VALUE: Final = b'{"email":"somebody@example.com","name":"Somebody","number":%08d}'

# The handler under the command: it only takes the time of its first and last call.
_HANDLER: Final = """
import atexit, time
count = 0
first = last = (0.0, 0.0)
def handler(event, context):
    global first, last, count
    now = time.perf_counter(), time.process_time()
    first = first if count else now
    for records in event["records"].values():
        count += len(records)
    last = now
atexit.register(lambda: print("RESULT", count, first[0], last[0], first[1], last[1], flush=True))
"""
# One that computes for a while, so that there is something to do side by side.
_WORKING_HANDLER: Final = _HANDLER.replace(
    "count += len(records)",
    "count += len(records)\n        for _ in range(20 * len(records)): sum(range(50))",
)
_TIMING_HANDLER: Final = """
import atexit, base64, time
waits = []
def handler(event, context):
    now = time.time()
    for records in event["records"].values():
        for record in records:
            waits.append(now - float(base64.b64decode(record["value"])))
atexit.register(lambda: print("RESULT", *waits, flush=True))
"""


def template(handler: str, folder: Path, topic: str = TOPIC) -> Path:
    """Write a template with a function and a mapping in a folder of their own."""
    (folder / "app.py").write_text(handler)
    path = folder / "template.json"
    mapping = {
        "FunctionName": {"Ref": "Function"},
        "Topics": [topic],
        "SelfManagedEventSource": {"Endpoints": {"KafkaBootstrapServers": ["-"]}},
        "SelfManagedKafkaEventSourceConfig": {"ConsumerGroupId": f"bench-{time.time_ns()}"},
        "StartingPosition": "TRIM_HORIZON",
        "MaximumBatchingWindowInSeconds": 0,
        "BatchSize": _BATCH,
    }
    function = {"Handler": "app.handler", "CodeUri": ".", "Timeout": 60}
    resources = {
        "Function": {"Type": "AWS::Serverless::Function", "Properties": function},
        "Mapping": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": mapping},
    }
    path.write_text(json.dumps({"Resources": resources}))
    return path


# ---- the limits: run in a process of their own, on one core


def consume(servers: str, wait_ms: int, count: int, *, build: bool) -> None:
    """Consume ``count`` records and print how long it took."""
    from lambda_esm.model.event import EventSource, records_of

    source = EventSource.of_cluster(TOPIC, (servers,), None)
    config = {"bootstrap.servers": servers, "group.id": "bench"}
    # As the command has it: by default, a full queue stops fetching for a second.
    consumer = Consumer({**config, "fetch.wait.max.ms": wait_ms, "fetch.queue.backoff.ms": 10})
    consumer.assign([TopicPartition(TOPIC, number, 0) for number in range(PARTITIONS)])
    consumer.poll(10)
    seen, first = 1, (time.perf_counter(), time.process_time())
    while seen < count:
        messages = consumer.consume(_READ_AT_ONCE, 0.05)
        seen += len(messages)
        if build:
            by_partition: dict[int, list[object]] = {}
            for message in messages:
                by_partition.setdefault(message.partition() or 0, []).append(message)
            source.event(records_of(by_partition))  # type: ignore[arg-type] # no errors are among them
    last = time.perf_counter(), time.process_time()
    print("RESULT", seen, first[0], last[0], first[1], last[1], flush=True)  # noqa: T201 - a result
    os._exit(0)  # closing the consumer is not measured, and takes a while


class Result(NamedTuple):
    """What processes have done together.

    Attributes:
        records: how many.
        wall_s, cpu_s: from the first to the last of them; processor time is all threads'.
    """

    records: int
    wall_s: float
    cpu_s: float

    @property
    def rate(self) -> float:
        """Records for each second of the clock."""
        return self.records / self.wall_s

    @property
    def rate_of_a_core(self) -> float:
        """Records for each second of processor time: others on the machine do not change it."""
        return self.records / self.cpu_s


def run(arguments: Iterable[str], environment: dict[str, str], cores: set[int]) -> Result:
    """Run a Python module on some cores, and add up the result lines of its processes."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    lines = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("RESULT")]
    if not lines:
        return Result(0, 0, 0)
    counts, begins, ends, *cpu = zip(*(map(float, line) for line in lines), strict=True)
    return Result(int(sum(counts)), max(ends) - min(begins), sum(cpu[1]) - sum(cpu[0]))


class Bench:
    """One broker, filled once.

    Args:
        servers: its address.
        wait_ms: how long it holds an empty fetch.
        count: records to write.
    """

    def __init__(self, servers: str, wait_ms: int, count: int) -> None:
        self.servers, self.wait_ms, self.count = servers, wait_ms, count
        self.environment = {**os.environ, "KAFKA_FETCH_WAIT_MS": str(wait_ms)}

    def fill(self) -> None:
        """Write the records, evenly over the partitions."""
        room = {"linger.ms": 20, "queue.buffering.max.messages": self.count + 1}
        producer = Producer({"bootstrap.servers": self.servers, **room})
        for number in range(self.count):
            key, value = b"%08d" % (number % 1000), _VALUE % number
            producer.produce(TOPIC, value, key, number % PARTITIONS)
            if number % 1000 == 0:
                producer.poll(0)
        producer.flush()

    def limit(self, *, build: bool) -> Result:
        """Run a loop that only consumes, or builds the event too."""
        flags = ["--limit", self.servers, str(self.wait_ms), str(self.count), str(int(build))]
        return run(["tests.bench.esm", *flags], self.environment, {0})

    def command(self, *flags: str, cores: set[int], handler: str = _HANDLER) -> Result:
        """Run the command itself."""
        with tempfile.TemporaryDirectory() as folder:
            path = template(handler, Path(folder))
            arguments = ["--template", str(path), "--bootstrap-servers", self.servers, "--once"]
            return run(["lambda_esm", "run", *arguments, *flags], self.environment, cores)

    def best(self, measure: Callable[[], Result]) -> float:
        """Return the best of three, in records for each second of a core."""
        return max(measure().rate_of_a_core for _ in range(3))


@contextmanager
def broker(group: Group, *, apache: bool, folder: Path) -> Iterator[tuple[str, int]]:
    """Run a broker; yield its address, and how long it holds an empty fetch (ms)."""
    if apache:
        command = apache_kafka.command(folder / "kafka")
    else:
        argv = module("tests.bench.esm", "--broker")
        command = Command("broker", argv, os.environ, ready=r"broker listens on (?P<address>\S+)$")
    process = Process(command, group)
    address = process.wait_ready(PATIENCE_S)["address"]
    if apache:
        admin = AdminClient({"bootstrap.servers": address})
        topics = [NewTopic(name, PARTITIONS, 1) for name in (TOPIC, TOPIC_OF_LATENCIES)]
        for created in admin.create_topics(topics).values():
            created.result(30)
    yield address, 500 if apache else 5
    process.stop()


def serve_broker() -> None:
    """Be the embedded broker, with a topic of many partitions, because each holds little."""
    from local.services.broker import Broker

    embedded = Broker()
    for name in (TOPIC, TOPIC_OF_LATENCIES):
        embedded.create_topic(name, PARTITIONS)
    print(f"broker listens on {embedded.address}", flush=True)  # noqa: T201 - the ready line
    time.sleep(3600)


_invocations: list[float] = []


async def null_function(scope: Any, receive: Any, send: Any) -> None:
    """Serve an Invoke API (ASGI) whose functions return null; a GET returns how long all took."""
    while (await receive()).get("more_body", False):
        pass
    if scope["method"] == "POST":
        _invocations.append(time.perf_counter())
    body = json.dumps(_invocations[-1] - _invocations[0] if scope["method"] == "GET" else None)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body.encode()})


@contextmanager
def invoke_api(group: Group) -> Iterator[str]:
    """Run the Invoke API in a process; yield its URL."""
    port = str(ports.any_free())
    argv = module(
        "uvicorn", "tests.bench.esm:null_function", "--port", port, "--lifespan", "off",
        "--no-access-log",
    )  # fmt: skip
    process = Process(Command("api", argv, os.environ, ready="Uvicorn running on "), group)
    process.wait_ready(PATIENCE_S)
    yield f"http://127.0.0.1:{port}"
    process.stop()


def latencies(bench: Bench, count: int) -> list[float]:
    """Return the seconds from writing to invocation, of ``count`` single records."""
    with tempfile.TemporaryDirectory() as folder, Group() as group:
        path = template(_TIMING_HANDLER, Path(folder), TOPIC_OF_LATENCIES)
        lines: list[str] = []
        arguments = ["--template", str(path), "--bootstrap-servers", bench.servers]
        command = Command(
            "esm",
            module("lambda_esm", "run", *arguments),
            bench.environment,
            ready="ready mappings=",
        )
        process = Process(command, group, lines.append)
        process.wait_ready(PATIENCE_S)
        producer = Producer({"bootstrap.servers": bench.servers, "linger.ms": 0})
        for number in range(_UNCOUNTED + count):
            time.sleep(0.005)
            producer.produce(TOPIC_OF_LATENCIES, repr(time.time()), partition=number % PARTITIONS)
            producer.poll(0)
        producer.flush()
        time.sleep(0.5)
        process.stop()
    (line,) = [line for line in lines if line.startswith("RESULT")]
    return sorted(map(float, line.split()[1:][_UNCOUNTED:]))


def main(*, apache: bool, count: int) -> None:
    """Run all, and print the table."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    with Group() as group, broker(group, apache=apache, folder=folder) as (address, wait_ms):
        bench = Bench(address, wait_ms, count)
        bench.fill()
        consuming = bench.best(lambda: bench.limit(build=False))
        building = bench.best(lambda: bench.limit(build=True))
        here = bench.best(lambda: bench.command(cores={0}))
        show("one core", "records/s", "of the limit")
        show("consume only", f"{consuming:,.0f}", "")
        show("consume and build the event: the limit", f"{building:,.0f}", "100 %")
        show("--invoke local", f"{here:,.0f}", f"{here / building:.0%}")
        cores = os.sched_getaffinity(0)
        show(f"\na handler that works, {len(cores)} cores", "records/s", "")
        for flags in (
            ("local",),
            *(("processes", "--concurrency", str(n)) for n in sorted({1, len(cores)})),
        ):
            work = bench.command("--invoke", *flags, cores=cores, handler=_WORKING_HANDLER)
            show(" ".join(("--invoke", *flags)), f"{work.rate:,.0f}", "")
        show("\nover HTTP", "records/s", "")
        with invoke_api(group) as url:
            bench.command("--endpoint", url, cores=cores)
            rate = bench.count / httpx.get(url).json()
            show("--endpoint, in batches of 100", f"{rate:,.0f}", "")
        waits = latencies(bench, 1000)
        middle, late = statistics.median(waits), waits[int(len(waits) * 0.99)]
        kind = "Apache Kafka" if apache else "the embedded broker"
        show("\nadded by the mapping, window 0", "p50", "p99")
        show(f"on {kind}", f"{middle * 1000:.1f} ms", f"{late * 1000:.1f} ms")
    shutil.rmtree(folder, ignore_errors=True)


def show(*cells: str) -> None:
    """Print a row of the table."""
    print(f"{cells[0]:<42}{cells[1]:>12}{cells[2]:>14}", flush=True)  # noqa: T201 - what it is for


if __name__ == "__main__":
    if sys.argv[1:2] == ["--limit"]:
        _, _, address, wait_ms, count, build = sys.argv
        consume(address, int(wait_ms), int(count), build=build == "1")
    elif sys.argv[1:] == ["--broker"]:
        serve_broker()
    else:
        main(
            apache=os.environ.get("KAFKA") == "apache",
            count=int(os.environ.get("RECORDS", "400000")),
        )
