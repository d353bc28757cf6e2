"""Names and tags that all stacks share, and where the project's files are."""

from __future__ import annotations

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PROJECT: Final = "user-services"
DATABASE: Final = "users"
DATABASE_USER: Final = "service"


def stack_name(environment: str, part: str) -> str:
    """``user-services-dev-network``."""
    return f"{PROJECT}-{environment}-{part}"
