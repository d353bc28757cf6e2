"""An inbox for everything the system mails: SMTP in; a page and Mailpit's JSON paths out.

``python -m local.services.inbox`` keeps the mails as ``.eml`` files in a folder. Paths and JSON are
those of Mailpit's API v1 (https://mailpit.axllent.org/docs/api-v1/), so that what reads this inbox
reads the one of docker compose as well.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from local.process import Command, module

NAME = "inbox"


def command(
    folder: Path, *, http_port: int = 0, smtp_port: int = 0, env: Mapping[str, str] | None = None
) -> Command:
    """Return the command of an inbox on 127.0.0.1.

    Args:
        folder: where mails are kept.
        http_port, smtp_port: 0 for any free one; the ready line has ``url`` and ``smtp_url``.
        env: variables beside those of this process.
    """
    return Command(
        name=NAME,
        argv=module(
            "local.services.inbox",
            "--folder", str(folder), "--http-port", str(http_port), "--smtp-port", str(smtp_port),
        ),
        env={**os.environ, **(env or {})},
        ready=r"inbox: page (?P<url>\S+), mail to (?P<smtp_url>\S+)$",
    )  # fmt: skip
