"""``docs/event-source-mapping.md``: the example runs, and what it names exists."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import sys
from pathlib import Path

from lambda_esm.cli import command_line
from lambda_esm.observe.metrics import Metrics
from lambda_esm.settings import KafkaSettings
from local.process import Command, Group, Process
from tests.lambda_esm.kafka import Kafka
from tests.services import eventually

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "event-source-mapping.md").read_text()


def block(kind: str) -> str:
    found = re.search(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def test_the_example_prints_what_the_page_says(tmp_path: Path, kafka: Kafka, group: Group) -> None:
    topic = kafka.topic("orders")
    (tmp_path / "app.py").write_text(block("python"))
    (tmp_path / "template.yaml").write_text(block("yaml").replace("[orders]", f"[{topic}]"))
    arguments = shlex.split(block("sh").replace("localhost:9092", kafka.servers))
    arguments = [str(tmp_path / a) if a == "template.yaml" else a for a in arguments]
    env = {**os.environ, "PYTHONUNBUFFERED": "1", "KAFKA_FETCH_WAIT_MS": str(kafka.fetch_wait_ms)}
    lines: list[str] = []
    installed = str(Path(sys.executable).with_name(arguments[0]))
    command = Command("esm", (installed, *arguments[1:]), env, ready="ready mappings=")
    process = Process(command, group, lines.append)
    process.wait_ready(30)

    kafka.write(topic, "x")

    eventually(lambda: f"{topic}-0 [0]" in lines)
    shown = " ".join(block("text").split()[1:])
    eventually(lambda: any(shown in re.sub(r"ms=[\d.]+", "ms=0.1", line) for line in lines))
    process.stop()


def test_the_example_is_ten_lines() -> None:
    lines = (block("python") + block("yaml")).splitlines()

    assert len([line for line in lines if not line.startswith("#")]) == 10


def commands() -> dict[str, argparse.ArgumentParser]:
    (found,) = (a.choices for a in command_line()._actions if isinstance(a.choices, dict))
    return found


def actions() -> list[argparse.Action]:
    """Return the arguments of all commands."""
    return [action for parser in commands().values() for action in parser._actions]


def test_every_command_has_examples_that_can_be_parsed() -> None:
    for name, parser in commands().items():
        examples = re.findall(rf"^  lambda-esm ({name} .*)$", parser.epilog or "", re.MULTILINE)
        assert examples
        for example in examples:
            command_line().parse_args(shlex.split(example))


def test_every_flag_it_names_exists() -> None:
    known = {flag for action in actions() for flag in action.option_strings}

    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE)) <= known


def test_every_flag_is_in_the_page_or_explains_itself() -> None:
    assert all(action.help for action in actions())


def test_every_metric_is_in_the_page() -> None:
    page = re.sub(
        r"(\w+)\{([\w,]+)\}(\w*)",
        lambda m: " ".join(f"{m[1]}{name}{m[3]}" for name in m[2].split(",")),
        PAGE,
    )
    for family in Metrics()._registry.collect():
        if family.type == "counter":
            assert f"{family.name}_total" in page
        else:
            assert family.name in page


def test_every_setting_it_names_exists() -> None:
    known = {name.upper() for name in KafkaSettings.__struct_fields__}

    assert set(re.findall(r"KAFKA_[A-Z_]+", PAGE)) <= known
    assert {name for name in known if "SASL" in name or "SSL" in name} <= set(
        re.findall(r"KAFKA_[A-Z_]+", PAGE)
    )
