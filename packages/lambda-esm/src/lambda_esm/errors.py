"""What can be wrong before the first record: reported in one sentence, without a traceback."""

from __future__ import annotations


class EsmError(Exception):
    """The command cannot go on; the message says what to change."""


class TemplateError(EsmError):
    """The template cannot be read, or has something that Lambda would refuse."""


class Unresolved(TemplateError):
    """Only CloudFormation knows a value: a parameter without one, an import."""


class BrokerUnreachable(EsmError):
    """No broker answers at the bootstrap servers."""


class SettingsError(EsmError):
    """A variable is missing, or its value cannot be used; the message names it."""


class ExtraMissing(EsmError):
    """The packages of the extra ``aws`` are not installed."""

    def __init__(self) -> None:
        super().__init__("AWS's SDK is needed here: pip install 'lambda-esm[aws]'.")
