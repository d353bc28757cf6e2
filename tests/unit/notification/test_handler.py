"""The Lambda entry with AWS's events; no record here is one that can be sent."""

from __future__ import annotations

import importlib
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.events import kafka
from tests.unit.notification.environment import environment

Handler = Callable[[dict[str, Any], object], dict[str, Any]]


class Context:
    aws_request_id = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch) -> Iterator[Handler]:
    """Import the handler as Lambda does: by name, in an environment."""
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    sys.modules.pop("notification.handler", None)
    module = importlib.import_module("notification.handler")
    yield module.handler
    module.handler.handler.close()
    root.handlers = handlers
    root.setLevel(level)


@pytest.mark.parametrize("name", kafka.NAMES)
def test_each_record_that_cannot_be_sent_is_listed_as_aws_documents(
    handler: Handler, name: str
) -> None:
    event = kafka.load(name)
    expected = [
        (partition, record["offset"])
        for partition, records in event["records"].items()
        for record in records
    ]
    assert sorted(kafka.failures(handler(event, Context()))) == sorted(expected)


def test_the_log_says_why_a_record_was_not_sent_and_never_what_was_in_it(
    handler: Handler, caplog: pytest.LogCaptureFixture
) -> None:
    value = b'{"to":"no address","subject":"s","text":"hunter2"}'
    handler(kafka.event(kafka.record("notification.send.email", value)), Context())
    said = str([vars(line) for line in caplog.records])
    assert "`$.to`" in said
    assert "hunter2" not in said
    assert "no address" not in said


def test_an_empty_event_is_done(handler: Handler) -> None:
    assert handler(kafka.event(), Context()) == {"batchItemFailures": []}


@pytest.mark.parametrize(
    ("variables", "imported"), [({}, False), ({"SMS_TRANSPORT": "sns"}, True)], ids=["smtp", "sns"]
)
def test_boto3_is_imported_only_where_aws_sends(
    variables: dict[str, str], *, imported: bool
) -> None:
    code = f"import notification.handler, sys; sys.exit(('boto3' in sys.modules) is not {imported})"
    env = {**os.environ, **environment(AWS_DEFAULT_REGION="eu-central-1", **variables)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
