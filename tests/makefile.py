"""The Makefile with its subjects, as one text."""

from __future__ import annotations

import re
from typing import Final

from local.project import ROOT

MAKEFILE: Final = "\n".join(
    path.read_text() for path in (ROOT / "Makefile", *sorted((ROOT / "make").glob("*.mk")))
)


def has_target(name: str) -> bool:
    """Return whether ``make NAME`` is one of the targets."""
    return re.search(rf"^{re.escape(name)}:", MAKEFILE, re.MULTILINE) is not None
