"""What docs/security.md names is there: tests, settings, files, commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.settings import Settings as GatewaySettings
from tests.makefile import has_target
from user.settings import Settings as UserSettings

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "security.md").read_text()
QUOTED = set(re.findall(r"`([^`]+)`", DOCUMENT))


def sources(folder: str) -> str:
    return "\n".join(path.read_text() for path in (ROOT / folder).rglob("*.py"))


def test_every_test_that_is_named_is_there() -> None:
    named = {name for name in QUOTED if name.startswith("test_")}
    there = set(re.findall(r"^def (test_\w+)", sources("tests"), re.MULTILINE))

    assert len(named) > 30
    assert named <= there


def test_every_setting_that_is_named_is_there() -> None:
    named = {name for name in QUOTED if re.fullmatch(r"[A-Z]+(_[A-Z]+)+", name)}
    there = {
        name.upper() for kind in (GatewaySettings, UserSettings) for name in kind.__struct_fields__
    } | {"NOTIFICATION_PRIVATE_KEYS"}

    assert len(named) > 10
    assert named <= there


@pytest.mark.parametrize(
    "name", sorted(name for name in QUOTED if re.fullmatch(r"[a-z/_]+\.(py|txt)", name))
)
def test_every_file_that_is_named_is_there(name: str) -> None:
    found = [ROOT / folder / name for folder in ("", "functions", "layers")]

    assert any(path.exists() for path in found)


def test_every_command_that_is_named_is_there() -> None:
    for module in re.findall(r"python -m ([a-z._]+)", DOCUMENT):
        path = module.replace(".", "/") + ".py"
        assert any((ROOT / folder / path).exists() for folder in ("functions", "layers")), module
    for target in re.findall(r"`make ([a-z-]+)", DOCUMENT):
        assert has_target(target), target
