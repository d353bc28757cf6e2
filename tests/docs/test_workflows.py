"""The workflows do what a person does: they call make, and what they use is pinned."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.makefile import has_target

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
_MAKE = re.compile(r"make ([a-z][a-z0-9-]*)(?: [A-Z]+=\S+)*")
_PINNED = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40}")


def steps(workflow: Path) -> list[dict[str, Any]]:
    jobs = yaml.safe_load(workflow.read_text())["jobs"].values()
    return [step for job in jobs for step in job["steps"]]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_every_step_is_a_make_target_or_a_pinned_action(workflow: Path) -> None:
    for step in steps(workflow):
        if "uses" in step:
            assert _PINNED.fullmatch(step["uses"])
        else:
            called = _MAKE.fullmatch(step["run"])
            assert called, step["run"]
            assert has_target(called[1])


def test_each_python_that_is_promised_is_tried() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/checks.yml").read_text())["jobs"]
    assert {"3.11", "3.13", "3.14"} <= set(jobs["test"]["strategy"]["matrix"]["python"])
