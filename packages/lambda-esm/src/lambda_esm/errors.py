"""What can be wrong before the first record: each is told in one sentence, without a traceback."""

from __future__ import annotations


class EsmError(Exception):
    """The command cannot do what it was asked; the message says what to change."""


class TemplateError(EsmError):
    """The template cannot be read, or says something Lambda would refuse."""


class Unresolved(TemplateError):
    """A value is only known to CloudFormation: a parameter without a value, an import."""


class BrokerUnreachable(EsmError):
    """No broker answers at the bootstrap servers."""


class SettingsError(EsmError):
    """A variable is missing, or its value cannot be used; the message names it."""
