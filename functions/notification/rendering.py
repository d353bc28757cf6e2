"""The words of the mails: a text and an HTML template for each kind.

A text template begins with its subject, as a mail does: ``Subject: …``, an empty line, the text.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from notification.transports.mail import Content

_FOLDER = Path(__file__).parent / "templates"


class Renderer:
    """Fills templates.

    Args:
        brand: the service's name in mails.
        home: the link behind the brand.
    """

    def __init__(self, *, brand: str, home: str) -> None:
        self._templates = Environment(
            loader=FileSystemLoader(_FOLDER),
            autoescape=select_autoescape(["html"], default=False),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._templates.globals.update(brand=brand, home=home)
        self._templates.filters["paragraphs"] = paragraphs

    def render(self, kind: str, **values: Any) -> Content:
        """Return the words of a mail, from the two templates of a kind.

        Args:
            kind: ``<kind>.txt`` and ``<kind>.html`` in ``templates/``.
            values: the templates' variables; a missing one is an error.
        """
        head, _, text = self._templates.get_template(f"{kind}.txt").render(values).partition("\n\n")
        subject = " ".join(head.removeprefix("Subject:").split())
        html = self._templates.get_template(f"{kind}.html").render(values, subject=subject)
        return Content(subject=subject, text=text.strip() + "\n", html=html)


def paragraphs(text: str) -> list[list[str]]:
    """Return plain text as paragraphs, each a list of its lines."""
    return [block.splitlines() for block in re.split(r"\n\s*\n", text.strip())]
