"""The project's folder, and the functions in it.

A function is a folder with a handler: ``functions/orders`` is ``OrdersFunction`` in template.yaml,
imports as ``orders``, and is deployed from ``dist/orders``. Nothing else lists the functions.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

# Resolved, because macOS names changed files by their real path.
ROOT: Final = Path(__file__).resolve().parents[1]
GATEWAY: Final = "gateway"


def logical_id(function: str) -> str:
    """Return the name that a function has in template.yaml."""
    return "".join(word.capitalize() for word in function.split("_")) + "Function"


ALL_FUNCTIONS: Final = tuple(
    sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))
)
FUNCTIONS: Final = {name: logical_id(name) for name in ALL_FUNCTIONS if name != GATEWAY}
"""The functions that event source mappings drive: name of the folder, and in template.yaml."""
