"""Product code and docs use the nouns of the glossary, and decisions stay short."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

from local.project import ROOT

_PRODUCT = ("functions", "layers", "local", "packages", "infra")
_BANNED = re.compile(
    r"(?<![`\"])\b(whoever|somebody|nobody|one\s+who|those\s+that|is\s+told|what\s+is\s+away)\b",
    re.IGNORECASE,
)
_MADE = {"node_modules", "cdk.out"}
_CODE = [
    path
    for folder in _PRODUCT
    for path in sorted((ROOT / folder).rglob("*.py"))
    if _MADE.isdisjoint(path.parts)
]
_PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "packages").rglob("*.md")]
_DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))


def _prose(path: Path) -> str:
    """Return a page; of a module its comments and docstrings, but no text that users see."""
    text = path.read_text()
    if path.suffix != ".py":
        return text
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    found = [each.string for each in tokens if each.type == tokenize.COMMENT]
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    found.extend(
        ast.get_docstring(node) or ""
        for node in ast.walk(ast.parse(text))
        if isinstance(node, documented)
    )
    return "\n".join(found)


def test_no_text_has_a_word_that_hides_who_is_meant() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {' '.join(match[0].split())}"
        for path in [*_CODE, *_PAGES]
        for match in _BANNED.finditer(_prose(path))
    ]

    assert not found, "docs/glossary.md has the nouns:\n" + "\n".join(found)


def test_the_words_are_found_across_lines_and_in_capitals() -> None:
    assert _BANNED.search("Somebody's")
    assert _BANNED.search("one\n    who")


_NOT_A_VERB = re.compile(
    r"(The|A|An|What|Whether|How|Who|Whose|Where|When|Which|All|As|None|Each|Every|It|See|This|That"
    r"|These|Those|There|One|Some|If|No|Not|Is|Are|Of|On|In|By|For|From|To|With|Has|Both)\b"
)


def _functions(path: Path) -> list[tuple[str, str]]:
    """Return name and first line of each docstring of a function that is no property."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            decorators = {ast.unparse(each) for each in node.decorator_list}
            text = ast.get_docstring(node)
            if text and not decorators & {"property", "cached_property"}:
                found.append((node.name, text.splitlines()[0]))
    return found


def test_a_function_says_first_what_it_does() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {name}: {line}"
        for path in _CODE
        for name, line in _functions(path)
        if _NOT_A_VERB.match(line)
    ]

    assert not found, "an imperative with one fact (Return, Wait for ...):\n" + "\n".join(found)


def test_the_glossary_has_each_noun_once_and_in_order() -> None:
    page = (ROOT / "docs" / "glossary.md").read_text()
    nouns = re.findall(r"^\| ([a-z ]+) \|", page, re.MULTILINE)[1:]

    assert nouns == sorted(set(nouns))
    assert len(nouns) > 20


@pytest.mark.parametrize("page", _DECISIONS, ids=lambda path: path.stem)
def test_a_decision_is_short_and_in_the_index(page: Path) -> None:
    index = (page.parent / "README.md").read_text()
    title = page.read_text().splitlines()[0].removeprefix("# ")

    assert len(page.read_text().splitlines()) <= 40
    assert f"- [{page.stem[:4]} {title}]({page.name})" in index


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(page.stem[:4]) for page in _DECISIONS] == list(range(1, len(_DECISIONS) + 1))
