"""``--invoke processes``: one invocation at a time in each, as in Lambda's environments."""

from __future__ import annotations

import pytest

from tests.lambda_esm.command import FUNCTION, Runner, function, group_of, mapping, template
from tests.lambda_esm.kafka import Kafka
from tests.lambda_esm.test_invoke_local import SAYING, said

PROCESSES = ("--invoke", "processes")


def test_the_event_is_the_same_as_in_process(esm: Runner, kafka: Kafka, topic: str) -> None:
    esm.handler(SAYING + "def handler(event, context):\n    say(event=event)\n")
    kafka.write(topic, "x", b"\xff", None, key=b"k", headers=[("h", b"\xc3\xab"), ("n", None)])
    events = []
    for number, way in enumerate(("local", "processes")):
        group = {"ConsumerGroupId": f"{topic}-{number}"}
        document = template({"M": mapping(topic, SelfManagedKafkaEventSourceConfig=group)})
        running = esm(document, "--invoke", way, "--once")
        assert running.exit_code() == 0
        events += said(running.text)

    assert events[0] == events[1]


def test_each_partition_can_have_a_process_and_none_has_two_invocations(
    esm: Runner, kafka: Kafka, topic: str
) -> None:
    esm.handler(
        SAYING
        + """
import os, time
busy = False
def handler(event, context):
    global busy
    say(pid=os.getpid(), busy=busy)
    busy = True
    time.sleep(0.3)
    busy = False
"""
    )
    for partition in range(4):
        kafka.write(topic, "a", "b", partition=partition)

    document = template({"M": mapping(topic, BatchSize=1)})
    running = esm(document, *PROCESSES, "--concurrency", "3", "--once")
    running.exit_code()

    reports = said(running.text)
    assert len(reports) == 8
    assert len({report["pid"] for report in reports}) == 3
    assert running.process.pid not in {report["pid"] for report in reports}
    assert not any(report["busy"] for report in reports)


def test_a_process_beyond_the_timeout_is_killed_and_replaced(
    esm: Runner, kafka: Kafka, topic: str
) -> None:
    esm.handler(
        SAYING
        + """
import os, time, pathlib
def handler(event, context):
    say(pid=os.getpid())
    first = pathlib.Path(__file__).with_name("first")
    if not first.exists():
        first.touch()
        time.sleep(60)
"""
    )
    kafka.write(topic, "x")
    document = template({FUNCTION: function(Timeout=1), "M": mapping(topic)})

    running = esm(document, *PROCESSES, "--once")
    assert running.exit_code() == 0

    assert [line["result"] for line in running.invocations()] == ["timeout", "success"]
    assert running.invocations()[0]["reason"] == "Task timed out after 1 seconds"
    first, second = said(running.text)
    assert first["pid"] != second["pid"]


@pytest.mark.parametrize(
    ("death", "status"), [("os._exit(3)", "3"), ("os.kill(os.getpid(), 9)", "-9")]
)
def test_a_process_that_dies_is_a_function_error_and_is_replaced(
    esm: Runner, kafka: Kafka, topic: str, death: str, status: str
) -> None:
    esm.handler(
        f"""
import os, pathlib
def handler(event, context):
    first = pathlib.Path(__file__).with_name("first")
    if not first.exists():
        first.touch()
        {death}
"""
    )
    kafka.write(topic, "x")

    running = esm(template({"M": mapping(topic)}), *PROCESSES, "--once")
    assert running.exit_code() == 0

    failed, succeeded = running.invocations()
    assert (failed["result"], succeeded["result"]) == ("error", "success")
    assert failed["reason"] == f"Runtime exited with status {status}"


def test_each_function_has_its_own_environment_and_modules(esm: Runner, kafka: Kafka) -> None:
    topics = kafka.topic("a"), kafka.topic("b")
    for folder, topic in zip("ab", topics, strict=True):
        (esm.folder / folder).mkdir()
        (esm.folder / folder / "app.py").write_text(
            SAYING
            + f"""
import os
def handler(event, context):
    say(folder={folder!r}, colour=os.environ["COLOUR"], name=os.environ["AWS_LAMBDA_FUNCTION_NAME"])
"""
        )
        kafka.write(topic, "x")
    document = template(
        {
            FUNCTION: function(CodeUri="a", Environment={"Variables": {"COLOUR": "red"}}),
            "Other": function(CodeUri="b", Environment={"Variables": {"COLOUR": "blue"}}),
            "A": mapping(topics[0]),
            "B": mapping(topics[1], FunctionName={"Ref": "Other"}),
        }
    )

    running = esm(document, *PROCESSES, "--once")
    assert running.exit_code() == 0

    assert sorted(said(running.text), key=lambda report: str(report["folder"])) == [
        {"folder": "a", "colour": "red", "name": "Function"},
        {"folder": "b", "colour": "blue", "name": "Other"},
    ]


def test_failures_and_partial_responses_come_back(esm: Runner, kafka: Kafka, topic: str) -> None:
    esm.handler(
        """
calls = []
def handler(event, context):
    calls.append(event)
    if len(calls) == 1:
        raise ValueError("boom")
    if len(calls) == 2:
        (name,) = event["records"]
        item = {"itemIdentifier": {"partition": name, "offset": 1}}
        return {"batchItemFailures": [item]}
"""
    )
    kafka.write(topic, "a", "b")
    document = template({"M": mapping(topic, FunctionResponseTypes=["ReportBatchItemFailures"])})

    running = esm(document, *PROCESSES, "--once")
    running.exit_code()

    results = [(line["result"], line["records"]) for line in running.invocations()]
    assert results == [("error", "2"), ("partial", "2"), ("success", "1")]
    assert running.invocations()[0]["reason"] == "ValueError: boom"


def test_a_handler_that_cannot_be_imported_is_named(esm: Runner, kafka: Kafka, topic: str) -> None:
    esm.handler("import nowhere\n")

    running = esm(template({"M": mapping(topic)}), *PROCESSES)

    assert running.exit_code() == 2
    assert "cannot import app.handler: No module named 'nowhere'" in running.text


def test_a_stop_ends_all_processes_after_what_is_out(esm: Runner, kafka: Kafka, topic: str) -> None:
    import psutil

    esm.handler(
        SAYING
        + """
import os, time
def handler(event, context):
    say(pid=os.getpid())
    time.sleep(1)
"""
    )
    kafka.write(topic, "x")
    running = esm(template({"M": mapping(topic)}), *PROCESSES).ready()
    pid = int(running.find(r'SAYS {"pid": (\d+)}')[1])

    assert running.stop() == 0

    assert [line["result"] for line in running.invocations()] == ["success"]
    assert kafka.committed(group_of(topic), topic) == {0: 1}
    assert not psutil.pid_exists(pid)


def test_the_death_of_a_worker_is_noticed_though_a_program_it_started_lives_on(
    esm: Runner, kafka: Kafka, topic: str
) -> None:
    esm.handler(
        """
import os, pathlib
def handler(event, context):
    first = pathlib.Path(__file__).with_name("first")
    if not first.exists():
        first.touch()
        os.system("sleep 8 >/dev/null 2>&1 &")
        os._exit(3)
"""
    )
    kafka.write(topic, "x")

    document = template({FUNCTION: function(Timeout=8), "M": mapping(topic)})
    running = esm(document, *PROCESSES, "--once")
    assert running.exit_code() == 0

    failed, succeeded = running.invocations()
    assert (failed["result"], succeeded["result"]) == ("error", "success")
    assert float(failed["ms"]) < 5000
