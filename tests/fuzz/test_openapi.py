"""Requests made up from /openapi.json: no 5xx, no hang, no lost record, no undocumented answer."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from local.environment import Addresses
from local.keys import Keys
from local.process import Group
from local.services import broker as broker_service
from shared.bus.producer import reader_config
from shared.config.settings import KafkaSettings
from shared.contract.topics import NOTIFICATION_FAILED, TOPICS, USER_FAILED
from tests.integration.accounts.systems import running
from tests.services import Inbox, System, eventually, start

HERE = Path(__file__).parent
SCHEMATHESIS = HERE.parents[1] / ".venv-fuzz" / "bin" / "schemathesis"
EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "100")
COMMANDS = [topic for topic in TOPICS if topic.name.startswith("user.")]
DONE = re.compile(r" (command (?:done|refused)|command is past its deadline)")


@pytest.fixture
def unlimited(addresses: Addresses, keys: Keys, inbox: Inbox, group: Group) -> Iterator[System]:
    """A system of its own that lets one client ask as often as it likes."""
    broker, told = start(broker_service.command(), group)
    often = dict.fromkeys(("RATE_LIMIT_REQUESTS", "ATTEMPTS_PER_ACCOUNT"), "10000000")
    alone = addresses._replace(kafka=told["address"], embedded_broker=True)
    with running(alone, keys, inbox, **often) as system:
        yield system
    broker.stop()


def test_made_up_requests(
    unlimited: System, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    about = {"SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE), "API_URL": unlimited.url}
    with capfd.disabled():
        run = subprocess.run(
            [
                SCHEMATHESIS,
                "--config-file", HERE / "schemathesis.toml",
                "run", f"{unlimited.url}/openapi.json",
                "--max-examples", EXAMPLES,
                "--checks", "all",
                "--continue-on-failure",
                "--request-timeout", "15",
                "--workers", "2",
            ],
            env={**os.environ, **about},
            cwd=tmp_path,
            check=False,
        )  # fmt: skip
        sys.stdout.write(f"answers by status: {_answers(unlimited)}\n")

    assert run.returncode == 0
    assert not [status for status in _answers(unlimited) if status >= "500"]
    asked, failed = _records(unlimited)
    assert failed == 0
    eventually(lambda: _carried_out(unlimited) >= asked)


def _answers(system: System) -> dict[str, int]:
    statuses = (re.search(r" request .*status=(\d+)", line) for line in system.output["gateway"])
    return dict(sorted(Counter(found[1] for found in statuses if found).items()))


def _carried_out(system: System) -> int:
    return sum(DONE.search(line) is not None for line in system.output["user"])


def _records(system: System) -> tuple[int, int]:
    """How many commands stand in the topics, and how many records were given up."""
    settings = KafkaSettings(kafka_bootstrap_servers=system.addresses.kafka, kafka_fetch_wait_ms=5)
    consumer = Consumer(reader_config(settings))
    try:
        ends = {
            topic.name: sum(
                consumer.get_watermark_offsets(TopicPartition(topic.name, number), timeout=30)[1]
                for number in range(topic.partitions)
            )
            for topic in TOPICS
        }
    finally:
        consumer.close()
    failed = ends[USER_FAILED] + ends[NOTIFICATION_FAILED]
    return sum(ends[topic.name] for topic in COMMANDS if topic.name != USER_FAILED), failed
