"""The import contracts of pyproject.toml, for every function there is: ``make imports``.

In them ``"functions"`` stands for the packages of that folder, so that a new one is bound by the
contracts without being listed.
"""

from __future__ import annotations

import re
import sys
import tempfile

from importlinter.cli import lint_imports

from local.project import ALL_FUNCTIONS, ROOT


def contracts() -> str:
    """Return import-linter's part of pyproject.toml, with the functions' names in it."""
    text = (ROOT / "pyproject.toml").read_text()
    text = text[text.index("[tool.importlinter]") :]
    side_by_side = " | ".join(ALL_FUNCTIONS)
    text = re.sub(r'(?m)^(layers = .*)"functions"', rf'\1"{side_by_side}"', text)
    return text.replace('"functions"', ", ".join(f'"{name}"' for name in ALL_FUNCTIONS))


def main() -> int:
    """Check the contracts; 1 when one is broken."""
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(contracts())
        file.flush()
        return lint_imports(config_filename=file.name, no_logo=True)


if __name__ == "__main__":
    sys.exit(main())
