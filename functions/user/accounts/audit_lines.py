"""Lines of the audit trail, from the commands that they are about."""

from __future__ import annotations

from shared.contract.account_commands import Action, OwnAction
from user.accounts.model import AuditEvent, AuditKind


def own(kind: AuditKind, command: OwnAction) -> AuditEvent:
    """What a person did with their own account."""
    return of(kind, command, command.id, command.session)


def of(
    kind: AuditKind, command: Action, user_id: str | None, session: str | None = None
) -> AuditEvent:
    """What was done with somebody's account, from the device that the command names."""
    device = command.client
    return AuditEvent(
        kind=kind,
        user_id=user_id,
        session=session,
        user_agent=device.user_agent if device else None,
        ip=device.ip if device else None,
    )
