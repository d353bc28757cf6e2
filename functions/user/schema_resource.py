"""Lambda entry of a deployment: CloudFormation's custom resource that brings the schema up to date.

CloudFormation calls it before it touches the user function. A deployment whose migration fails is
rolled back with the reason. Deleting the stack leaves the data alone.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any

from shared.config.logs import configure
from shared.config.secrets import environment
from shared.config.settings import SettingsError, load
from shared.runtime.custom_resource import answer_with
from user.operations.migrate import Settings, bring_up_to_date

log = logging.getLogger(__name__)


class NotMigrated(Exception):
    """A migration failed, and the schema is as it was; the function's log says why."""


def _bring_up_to_date(_: Mapping[str, Any]) -> dict[str, str]:
    try:
        settings = load(Settings, environment(os.environ))
        configure("migrate", settings)
        return {"Applied": ", ".join(bring_up_to_date(settings))}
    except SettingsError:
        raise
    except Exception as error:
        # A database's message may show data, so the answer has its type only.
        log.exception("migration failed")
        raise NotMigrated(f"{type(error).__name__}: see the function's log") from None


handler = answer_with(_bring_up_to_date)
