"""A function of one's own in `make dev`: a folder, a topic, and its part of template.yaml."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from tests.e2e.dev import Dev, copy_project

_HANDLER = """
def handler(event, context):
    for records in event["records"].values():
        print("placed", len(records))
"""
_TEMPLATE = """
  OrdersFunction:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: dist/orders, Handler: orders.handler.handler, Timeout: 10}

  OrdersPlacedMapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      FunctionName: !Ref OrdersFunction
      Topics: [orders.placed]
      StartingPosition: TRIM_HORIZON
      MaximumBatchingWindowInSeconds: 0
      SelfManagedEventSource:
        Endpoints: {KafkaBootstrapServers: !Split [",", !Ref KafkaBootstrapServers]}

Outputs:"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="dev-") as name:
        yield copy_project(Path(name))


def _add(folder: Path, handler: str) -> None:
    package = folder / "functions" / "orders"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "handler.py").write_text(handler)
    _edit(folder / "template.yaml", r"\nOutputs:", _TEMPLATE)
    _edit(
        folder / "layers/shared/contract/topics.py",
        r"TOPICS: Final = \(\n",
        'TOPICS: Final = (\n    Topic("orders.placed", 3, _DAY_MS),\n',
    )


def _edit(path: Path, pattern: str, replacement: str) -> None:
    text, count = re.subn(pattern, lambda _: replacement, path.read_text(), count=1)
    assert count == 1
    path.write_text(text)


def test_it_runs_with_the_others_and_is_given_its_records(folder: Path) -> None:
    _add(folder, _HANDLER)
    dev = Dev(folder)
    try:
        dev.see("Ready in")
        producer = Producer({"bootstrap.servers": dev.env["KAFKA_BOOTSTRAP_SERVERS"]})
        producer.produce("orders.placed", b"{}")
        producer.flush()

        dev.see("orders ", "placed 1")
        dev.see("orders ", "invoked", "mapping=OrdersPlacedMapping")
    finally:
        dev.close()


def test_a_function_that_is_never_ready_is_named_with_what_it_wrote(folder: Path) -> None:
    _add(folder, "print('still loading', flush=True)\nimport time\ntime.sleep(3600)\n")
    _edit(folder / "local/dev/supervisor.py", r"_SLOW_S: Final = 30\.0", "_SLOW_S: Final = 8.0")
    dev = Dev(folder)
    try:
        dev.see("dev ", "orders is not ready after 8 s")
        dev.see("orders ", "still loading")
    finally:
        dev.close()
