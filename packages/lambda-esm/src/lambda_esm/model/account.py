"""The account and the region that ARNs name where no deployed stack says them."""

from __future__ import annotations

import os
from typing import Final

ACCOUNT: Final = "123456789012"


def region() -> str:
    """Return the region: ``AWS_REGION``, else ``AWS_DEFAULT_REGION``, else us-east-1."""
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
