"""Names and tags that all stacks share, and the folder of the project."""

from __future__ import annotations

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PROJECT: Final = "user-services"
DATABASE: Final = "users"
# The owner has the tables; the user function signs in as the role.
DATABASE_OWNER: Final = "migrator"
DATABASE_ROLE: Final = "service"


def stack_name(environment: str, part: str) -> str:
    """Return a name like ``user-services-dev-network``."""
    return f"{PROJECT}-{environment}-{part}"
