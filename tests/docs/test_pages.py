"""The pages of docs/: links lead somewhere, commands exist, settings are as they are in code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

import gateway.settings
import notification.settings
import user.operations.migrate
import user.settings
from local.dev.settings import DevSettings
from shared.config.secrets import SOURCES
from shared.config.settings import KafkaSettings, LogSettings
from shared.contract.topics import (
    NOTIFICATION_EMAIL,
    NOTIFICATION_PASSWORD_RESET,
    NOTIFICATION_WELCOME,
)
from tests.makefile import has_target

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
SETTINGS = (ROOT / "docs" / "settings.md").read_text()
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
_LINK = re.compile(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_PATH = re.compile(
    r"`((?:functions|layers|local|packages|infra|tests|make)/[\w./-]+"
    r"|(?:gateway|user|notification|shared)/[\w/-]+(?:\.\w+)?)`"
)
_MODULE = re.compile(r"python -m ((?:gateway|user|notification|shared|local|infra)[\w.]*\w)")
_ROW = re.compile(r"^\| `([A-Z_]+)` \| (.+?) \|", re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = _HEADING.findall(page.read_text())
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_link_leads_somewhere(page: Path) -> None:
    for path, anchor in _LINK.findall(page.read_text()):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), path
        assert not anchor or anchor in anchors(target), f"{path}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_path_and_module_exists(page: Path) -> None:
    text = page.read_text()
    modules = [name.replace(".", "/") for name in _MODULE.findall(text)]

    for path in _PATH.findall(text):
        assert _exists(path), path
    for path in modules:
        assert _exists(f"{path}.py") or _exists(f"{path}/__main__.py"), path


def test_the_walk_through_a_request_names_its_files() -> None:
    paths = _PATH.findall((ROOT / "docs" / "how-it-works.md").read_text())

    assert {"gateway/handler.py", "user/handler.py", "packages/lambda-esm"} <= set(paths)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_make_target_exists(page: Path) -> None:
    shown = re.findall(r"(?:^|`|&& )make ([a-z][a-z0-9-]*)", page.read_text(), re.MULTILINE)
    for target in shown:
        assert has_target(target), target


@pytest.mark.parametrize(
    ("heading", "kind", "base"),
    [
        ("Every function", LogSettings, None),
        ("Kafka", KafkaSettings, LogSettings),
        ("Gateway", gateway.settings.Settings, KafkaSettings),
        ("User function", user.settings.Settings, KafkaSettings),
        ("Migrations", user.operations.migrate.Settings, LogSettings),
        ("Notification function", notification.settings.Settings, LogSettings),
        ("make dev", DevSettings, None),
    ],
)
def test_every_setting_is_told_with_its_default(
    heading: str, kind: type[msgspec.Struct], base: type[msgspec.Struct] | None
) -> None:
    inherited = {field.name for field in msgspec.structs.fields(base)} if base else set()
    fields = [field for field in msgspec.structs.fields(kind) if field.name not in inherited]

    assert _told(heading) == {field.encode_name: _shown(field.default) for field in fields}


def test_every_variable_that_names_a_secret_is_told() -> None:
    assert _told("Where secrets are").keys() == SOURCES.keys()


@pytest.mark.parametrize(
    "topic", [NOTIFICATION_EMAIL, NOTIFICATION_PASSWORD_RESET, NOTIFICATION_WELCOME]
)
def test_every_topic_of_mails_is_told(topic: str) -> None:
    assert f"| `{topic}` |" in (ROOT / "docs" / "notifications.md").read_text()


def _exists(path: str) -> bool:
    return any((ROOT / folder / path).exists() for folder in ("", "functions", "layers"))


def _told(heading: str) -> dict[str, str]:
    section = SETTINGS.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return {name: default.strip("`") for name, default in _ROW.findall(section)}


def _shown(default: Any) -> str:
    if default is msgspec.NODEFAULT:
        return "required"
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, float):
        return f"{default:g}"
    return "empty" if default in ("", None) else str(default)
