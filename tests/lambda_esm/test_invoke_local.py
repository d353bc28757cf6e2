"""``--invoke local``: handlers in the command's own process."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import httpx

from tests.lambda_esm.command import FUNCTION, Runner, function, group_of, mapping, template
from tests.lambda_esm.kafka import Kafka
from tests.services import eventually

# Handlers report by lines that the test can read.
SAYING = """
import json, sys
def say(**what):
    sys.stdout.write("SAYS " + json.dumps(what) + "\\n")  # in one batch_slice
    sys.stdout.flush()
"""


def said(text: str) -> list[dict[str, Any]]:
    return [json.loads(line[5:]) for line in text.splitlines() if line.startswith("SAYS ")]


def test_the_handler_gets_the_event_and_the_context_of_lambda(
    esm: Runner, kafka: Kafka, topic: str
) -> None:
    esm.handler(
        SAYING
        + """
def handler(event, context):
    say(event=event, name=context.function_name, version=context.function_version,
        arn=context.invoked_function_arn, memory=context.memory_limit_in_mb,
        request=context.aws_request_id, group=context.log_group_name,
        left=context.get_remaining_time_in_millis())
"""
    )
    kafka.write(topic, "x", headers=[("h", b"\xff")])
    document = template({FUNCTION: function(MemorySize=512, Timeout=7), "M": mapping(topic)})

    running = esm(document, "--invoke", "local", "--once")
    assert running.exit_code() == 0

    (context,) = said(running.text)
    event = context.pop("event")
    (record,) = event["records"][f"{topic}-0"]
    assert record["headers"] == [{"h": [-1]}]
    assert context.pop("request") == running.invocations()[0]["request_id"]
    assert 6000 < context.pop("left") <= 7000
    assert context == {
        "name": "Function",
        "version": "$LATEST",
        "arn": "arn:aws:lambda:us-east-1:123456789012:function:Function",
        "memory": "512",
        "group": "/aws/lambda/Function",
    }


def test_it_is_the_default_and_the_handler_is_imported_once(
    esm: Runner, kafka: Kafka, topic: str
) -> None:
    esm.handler(
        SAYING
        + """
import os
say(imported=True)
def handler(event, context):
    say(pid=os.getpid())
"""
    )
    for _ in range(3):
        kafka.write(topic, "x")

    running = esm(template({"M": mapping(topic, BatchSize=1)}), "--once")
    running.exit_code()

    first, *others = said(running.text)
    assert first == {"imported": True}
    assert {other["pid"] for other in others} == {running.process.pid}


def test_variables_of_the_template_are_defaults_and_the_environments_own_win(
    esm: Runner, kafka: Kafka, topic: str
) -> None:
    esm.handler(
        SAYING
        + """
import os
NAMES = ("GLOBAL", "OWN", "GIVEN", "AWS_LAMBDA_FUNCTION_NAME", "_HANDLER")
AT_IMPORT = {name: os.environ.get(name) for name in NAMES}
def handler(event, context):
    say(**AT_IMPORT)
"""
    )
    kafka.write(topic, "x")
    variables = {"OWN": "own", "GIVEN": "from the template"}
    document = template(
        {FUNCTION: function(Environment={"Variables": variables}), "M": mapping(topic)},
        Globals={"Function": {"Environment": {"Variables": {"GLOBAL": "g", "OWN": "g"}}}},
    )

    running = esm(document, "--once", env={"GIVEN": "from outside"})
    running.exit_code()

    assert said(running.text) == [
        {
            "GLOBAL": "g",
            "OWN": "own",
            "GIVEN": "from outside",
            "AWS_LAMBDA_FUNCTION_NAME": "Function",
            "_HANDLER": "app.handler",
        }
    ]


def test_what_a_handler_raises_is_a_function_error_and_its_traceback_is_shown(
    esm: Runner, kafka: Kafka, topic: str
) -> None:
    esm.handler("def handler(event, context):\n    raise KeyError('the reason')\n")
    kafka.write(topic, "x")

    running = esm(template({"M": mapping(topic, MaximumRetryAttempts=1)}), "--once")
    running.exit_code()

    assert [line["result"] for line in running.invocations()] == ["error", "error"]
    assert running.invocations()[0]["reason"] == "KeyError: 'the reason'"
    assert 'app.py", line 2, in handler' in running.text
    assert kafka.committed(group_of(topic), topic) == {0: 1}


def test_an_answer_that_is_no_json_is_a_function_error(
    esm: Runner, kafka: Kafka, topic: str
) -> None:
    esm.handler("def handler(event, context):\n    return {'answer': object()}\n")
    kafka.write(topic, "x")

    running = esm(template({"M": mapping(topic, MaximumRetryAttempts=0)}), "--once")
    running.exit_code()

    (line,) = running.invocations()
    assert line["result"] == "error"
    assert line["reason"].startswith("Runtime.MarshalError: Unable to marshal response")


def test_partial_batch_responses_work_the_same(esm: Runner, kafka: Kafka, topic: str) -> None:
    esm.handler(
        SAYING
        + """
def handler(event, context):
    ((name, records),) = event["records"].items()
    say(offsets=[record["offset"] for record in records])
    bad = [r["offset"] for r in records if r["offset"] == 1]
    return {"batchItemFailures": [
        {"itemIdentifier": {"partition": name, "offset": offset}} for offset in bad]}
"""
    )
    kafka.write(topic, "a", "b", "c")
    partial = {"FunctionResponseTypes": ["ReportBatchItemFailures"], "MaximumRetryAttempts": 1}

    running = esm(template({"M": mapping(topic, **partial)}), "--once")
    running.exit_code()

    assert [each["offsets"] for each in said(running.text)] == [[0, 1, 2], [1]]


def test_an_invocation_beyond_its_timeout_runs_to_its_end_and_counts_as_timed_out(
    esm: Runner, kafka: Kafka, topic: str
) -> None:
    esm.handler(
        SAYING
        + """
import time
def handler(event, context):
    time.sleep(1.2)
    say(ended=True)
"""
    )
    kafka.write(topic, "x")
    slow = mapping(topic, MaximumRetryAttempts=0)

    running = esm(template({FUNCTION: function(Timeout=1), "M": slow}), "--once")
    running.exit_code()

    (line,) = running.invocations()
    assert (line["result"], line["reason"]) == ("timeout", "Task timed out after 1 seconds")
    assert said(running.text) == [{"ended": True}]


def test_a_handler_serves_partitions_side_by_side_up_to_the_concurrency(
    esm: Runner, kafka: Kafka, topic: str
) -> None:
    esm.handler(
        SAYING
        + """
import threading
both = threading.Barrier(2, timeout=30)
def handler(event, context):
    say(met=both.wait() >= 0)
"""
    )
    for partition in range(2):
        kafka.write(topic, "x", partition=partition)

    running = esm(template({"M": mapping(topic, BatchSize=1)}), "--concurrency", "2", "--once")
    assert running.exit_code() == 0

    assert said(running.text) == [{"met": True}] * 2


def test_two_functions_in_one_process(esm: Runner, kafka: Kafka) -> None:
    esm.handler(
        SAYING
        + """
def handler(event, context):
    say(name=context.function_name)
other = handler
"""
    )
    topics = kafka.topic("a"), kafka.topic("b")
    for topic in topics:
        kafka.write(topic, "x")
    document = template(
        {
            "Other": function(Handler="app.other"),
            "A": mapping(topics[0]),
            "B": mapping(topics[1], FunctionName={"Ref": "Other"}),
        }
    )

    running = esm(document, "--once")
    running.exit_code()

    assert sorted(each["name"] for each in said(running.text)) == ["Function", "Other"]


def test_modules_of_one_name_in_two_folders_are_refused(
    esm: Runner, kafka: Kafka, topic: str
) -> None:
    for folder in ("a", "b"):
        (esm.folder / folder).mkdir()
        (esm.folder / folder / "app.py").write_text("def handler(event, context): pass\n")
    document = template(
        {
            FUNCTION: function(CodeUri="a"),
            "Other": function(CodeUri="b"),
            "A": mapping(topic),
            "B": mapping("other", FunctionName={"Ref": "Other"}),
        }
    )

    running = esm(document)

    assert running.exit_code() == 2
    assert "another function has a module app too" in running.text


def test_a_handler_that_cannot_be_imported_is_named(esm: Runner, kafka: Kafka, topic: str) -> None:
    esm.handler("")
    missing = {
        "nowhere.handler": "cannot import nowhere.handler: No module named 'nowhere'",
        "app.nothing": "app has no function nothing",
        "app": "Handler must be module.function",
    }
    for handler, reason in missing.items():
        running = esm(template({FUNCTION: function(Handler=handler), "M": mapping(topic)}))

        assert running.exit_code() == 2
        assert reason in running.text
        assert "Traceback" not in running.text


def test_a_handler_whose_import_fails_is_named_with_the_reason(
    esm: Runner, kafka: Kafka, topic: str
) -> None:
    esm.handler("raise RuntimeError('the setting X is missing')\n")

    running = esm(template({"M": mapping(topic)}))

    assert running.exit_code() == 2
    assert "RuntimeError: the setting X is missing" in running.text


def test_once_ends_when_everything_there_was_has_been_delivered(
    esm: Runner, kafka: Kafka, topic: str
) -> None:
    esm.handler("def handler(event, context): pass\n")
    for partition in range(4):
        kafka.write(topic, *(str(number) for number in range(250)), partition=partition)

    running = esm(template({"M": mapping(topic)}), "--once")

    assert running.exit_code() == 0
    assert sum(int(line["records"]) for line in running.invocations()) == 1000
    assert kafka.committed(group_of(topic), topic) == dict.fromkeys(range(4), 250)


def test_once_ends_with_an_empty_topic(esm: Runner, kafka: Kafka, topic: str) -> None:
    esm.handler("def handler(event, context): pass\n")

    running = esm(template({"M": mapping(topic)}), "--once")

    assert running.exit_code() == 0
    assert running.invocations() == []


def test_a_second_signal_does_not_wait(esm: Runner, kafka: Kafka, topic: str) -> None:
    esm.handler("import time\ndef handler(event, context): time.sleep(60)\n")
    kafka.write(topic, "x")
    running = esm(template({"M": mapping(topic)}), "--http", "127.0.0.1:0").ready()
    url = running.find(r"url=(\S+)")[1]
    _wait_for_an_invocation(url)

    os.kill(running.process.pid, signal.SIGINT)
    running.find("stopping")
    os.kill(running.process.pid, signal.SIGINT)

    assert running.exit_code(5) == 130


def _wait_for_an_invocation(url: str) -> None:
    def out() -> bool:
        states = httpx.get(f"{url}/healthz").json()["mappings"]
        return any(state["invocations"] for state in states.values())

    eventually(out)


def test_modules_come_from_the_functions_folder_unless_that_is_a_build(
    esm: Runner, kafka: Kafka, topic: str
) -> None:
    source = SAYING + "def handler(event, context):\n    say(file=__file__)\n"
    for folder in ("src", "dist/fn", "importable"):
        (esm.folder / folder).mkdir(parents=True)
        (esm.folder / folder / "app.py").write_text(source)
    env = {"PYTHONPATH": str(esm.folder / "importable")}
    found = []
    for code in ("src", "dist/fn"):
        kafka.write(topic, "x")
        document = template({FUNCTION: function(CodeUri=code), "M": mapping(topic)})
        running = esm(document, "--once", env=env)
        assert running.exit_code() == 0, running.text
        found += [each["file"] for each in said(running.text)]

    assert found == [str(esm.folder / name / "app.py") for name in ("src", "importable")]


def test_a_module_hidden_by_another_of_the_same_name_is_named(
    esm: Runner, kafka: Kafka, topic: str
) -> None:
    (esm.folder / "msgspec.py").write_text("def handler(event, context): pass\n")
    document = template({FUNCTION: function(Handler="msgspec.handler"), "M": mapping(topic)})

    running = esm(document)

    assert running.exit_code() == 2
    assert "Function: its module msgspec is hidden by " in running.text


def test_variables_that_two_functions_want_to_differ_are_named(esm: Runner, kafka: Kafka) -> None:
    esm.handler("def handler(event, context): pass\n")
    document = template(
        {
            FUNCTION: function(Environment={"Variables": {"COLOUR": "red"}}),
            "Other": function(Environment={"Variables": {"COLOUR": "blue"}}),
            "A": mapping(kafka.topic("a")),
            "B": mapping(kafka.topic("b"), FunctionName={"Ref": "Other"}),
        }
    )

    running = esm(document, "--once")
    running.exit_code()

    assert "want different values of a variable function=Other variable=COLOUR" in running.text
    assert "blue" not in running.text


def test_an_answer_of_tuples_is_one_of_lists(esm: Runner, kafka: Kafka, topic: str) -> None:
    esm.handler(
        SAYING
        + """
def handler(event, context):
    ((name, records),) = event["records"].items()
    say(offsets=[record["offset"] for record in records])
    item = {"itemIdentifier": {"partition": name, "offset": 1}}
    return {"batchItemFailures": (item,) if len(records) > 1 else ()}
"""
    )
    kafka.write(topic, "a", "b")

    partial = mapping(topic, FunctionResponseTypes=["ReportBatchItemFailures"])
    running = esm(template({"M": partial}), "--once")
    running.exit_code()

    assert [each["offsets"] for each in said(running.text)] == [[0, 1], [1]]
