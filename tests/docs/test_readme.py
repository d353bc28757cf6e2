"""Everything that the README shows is run, and answers as it says."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.makefile import has_target
from tests.services import System

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Step(NamedTuple):
    """A block of shell, and what is shown below it."""

    script: str
    shown: str


def steps() -> list[Step]:
    blocks = [match.groups() for match in _BLOCK.finditer(README)]
    found = []
    for number, (kind, text) in enumerate(blocks):
        if kind == "sh":
            following = blocks[number + 1] if number + 1 < len(blocks) else ("", "")
            found.append(Step(text, following[1] if following[0] in {"json", "text"} else ""))
    return found


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not on this machine")
def test_every_shown_command_answers_as_shown(system: System, tmp_path: Path) -> None:
    shell = subprocess.Popen(
        ["bash"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", "API_URL": system.url}
        | {"INBOX_URL": system.inbox.url},
    )
    system.inbox.clear()
    steps_ = steps()
    assert len(steps_) > 4
    script = "".join(f"{step.script}\necho; echo end-of-step\n" for step in steps_)

    output, _ = shell.communicate(script, timeout=120)

    said = output.split("end-of-step")
    for step, answer in zip(steps_, said, strict=False):
        for part in re.split(r"…|\n", step.shown):
            assert part in answer, f"{step.script}\nsaid: {answer}"


def test_every_linked_page_and_named_folder_exists() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    folders = re.findall(r"^\| `([\w./]+)` \|", README, re.MULTILINE)

    assert links
    assert folders
    for path in links + folders:
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("target", sorted(set(re.findall(r"`?make ([a-z][a-z0-9-]*)", README))))
def test_every_make_target_exists(target: str) -> None:
    assert has_target(target)
