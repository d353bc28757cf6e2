"""The documentation names what there is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from notification.settings import Settings
from shared.topics import NOTIFICATION_EMAIL, NOTIFICATION_PASSWORD_RESET, NOTIFICATION_WELCOME

_PAGE = (Path(__file__).parents[3] / "docs" / "notifications.md").read_text()
_ROW = re.compile(r"^\| (`[^|]+) \| ([^|]+) \|", re.MULTILINE)


def documented() -> dict[str, str]:
    """The settings table: variable and default."""
    rows: dict[str, str] = {}
    for names, defaults in _ROW.findall(_PAGE):
        each = [name.strip("` ") for name in names.split(",")]
        rows |= dict(zip(each, (text.strip("` ") for text in defaults.split(",")), strict=False))
    return rows


def written(default: object) -> str:
    """A default as the table has it."""
    if default is msgspec.NODEFAULT:
        return "required"
    if isinstance(default, float):
        return f"{default:g}"
    return str(default).lower() if isinstance(default, bool) else str(default) or "empty"


@pytest.mark.parametrize(
    "field", msgspec.structs.fields(Settings), ids=lambda field: field.encode_name
)
def test_every_setting_is_documented_with_its_default(field: Any) -> None:
    assert documented()[field.encode_name] == written(field.default)


@pytest.mark.parametrize(
    "topic", [NOTIFICATION_EMAIL, NOTIFICATION_PASSWORD_RESET, NOTIFICATION_WELCOME]
)
def test_every_topic_is_documented(topic: str) -> None:
    assert f"| `{topic}` |" in _PAGE
