"""The words: the same in text and HTML, and nobody's HTML but ours."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest
from jinja2 import UndefinedError

from notification.rendering import _FOLDER, Renderer, paragraphs

RENDERER = Renderer(brand="Acme & Söhne", home="https://app.example.com")
LINK = "https://app.example.com/reset-password?token=a-b_c&x=1"
VALUES: dict[str, dict[str, Any]] = {
    "welcome": {"name": "Zoë", "link": "https://app.example.com"},
    "verify-email": {"name": "Zoë", "link": LINK},
    "password-reset": {"name": "Zoë", "link": LINK},
    "email": {"title": "News", "text": f"One & two.\nThree.\n\nSee {LINK}", "link": LINK},
}
_EMPTY = frozenset({"meta", "br", "img", "hr", "link"})


class Page(HTMLParser):
    """What an HTML reader sees; fails on a tag that is not closed where it was opened."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str | None] = []
        self.words = ""
        self.tags: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "a":
            self.links.append(dict(attrs)["href"])
        if tag not in _EMPTY:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.mark.parametrize("kind", VALUES)
def test_every_kind_has_a_subject_a_text_and_a_well_formed_page(kind: str) -> None:
    content = RENDERER.render(kind, **VALUES[kind])
    page = Page(content.html)
    assert content.subject
    assert "\n" not in content.subject
    assert content.text.strip()
    assert "Acme & Söhne" in page.words
    assert "script" not in page.tags
    assert "img" not in page.tags  # nothing is loaded, so nobody is tracked


@pytest.mark.parametrize("kind", VALUES)
def test_pages_are_made_for_dark_screens_too(kind: str) -> None:
    html = RENDERER.render(kind, **VALUES[kind]).html
    assert '<meta name="color-scheme" content="light dark">' in html
    assert "prefers-color-scheme: dark" in html


def test_every_template_is_looked_at_here() -> None:
    kinds = {path.stem for path in _FOLDER.glob("*.txt")}
    pages = {path.stem for path in _FOLDER.glob("*.html")} - {"base", "parts"}
    assert kinds == pages == VALUES.keys()


@pytest.mark.parametrize("kind", ["verify-email", "password-reset", "email"])
def test_a_link_is_the_same_in_both_parts(kind: str) -> None:
    content = RENDERER.render(kind, **VALUES[kind])
    assert LINK in content.text
    assert LINK in Page(content.html).links


def test_values_cannot_bring_html_along() -> None:
    evil = "<script>alert(1)</script>\"'><img src=x>"
    for kind, values in VALUES.items():
        poisoned = {name: evil for name in values if name != "link"}
        content = RENDERER.render(kind, **{**values, **poisoned})
        page = Page(content.html)
        assert evil in page.words
        assert not {"script", "img"} & set(page.tags)


def test_text_parts_are_not_escaped() -> None:
    assert RENDERER.render("email", title="A & B", text="1 < 2", link=None).text == "1 < 2\n"
    assert RENDERER.render("email", title="A & B", text="1 < 2", link=None).subject == "A & B"


def test_a_subject_is_one_line_however_it_was_given() -> None:
    assert RENDERER.render("email", title="A\n\u2028 B", text="t", link=None).subject == "A B"


def test_a_line_that_looks_like_a_subject_stays_in_the_text() -> None:
    content = RENDERER.render("email", title="A", text="Subject: B\n\nC", link=None)
    assert (content.subject, content.text) == ("A", "Subject: B\n\nC\n")


def test_a_missing_value_is_an_error_and_no_gap_in_a_mail() -> None:
    with pytest.raises(UndefinedError, match="link"):
        RENDERER.render("welcome", name="Zoë")


def test_without_a_name_nobody_is_greeted_by_it() -> None:
    assert "Hello,\n" in RENDERER.render("welcome", name=None, link="https://app.example.com").text


def test_plain_text_keeps_its_paragraphs_and_lines() -> None:
    assert paragraphs("a\nb\n\n \nc\n") == [["a", "b"], ["c"]]
