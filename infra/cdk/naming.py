"""Names and tags that all stacks share, and where the project's files are."""

from __future__ import annotations

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PROJECT: Final = "user-services"
DATABASE: Final = "users"
# The tables belong to the one; the user function signs in as the other.
DATABASE_OWNER: Final = "migrator"
DATABASE_ROLE: Final = "service"


def stack_name(environment: str, part: str) -> str:
    """``user-services-dev-network``."""
    return f"{PROJECT}-{environment}-{part}"
