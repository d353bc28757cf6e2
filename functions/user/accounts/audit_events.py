"""Events of the audit trail, made from the commands that cause them."""

from __future__ import annotations

from shared.contract.account_commands import Action, OwnAction
from shared.contract.messages import RegisterUser, User, ValidateUser
from user.accounts.model import AuditEvent, AuditKind


def own_event(kind: AuditKind, command: OwnAction) -> AuditEvent:
    """Return the event of what a user did with their own account."""
    return action_event(kind, command, command.id, command.session)


def action_event(
    kind: AuditKind, command: Action, user_id: str | None, session: str | None = None
) -> AuditEvent:
    """Return the event of what was done to an account, from the device that the command names."""
    device = command.client
    return AuditEvent(
        kind=kind,
        user_id=user_id,
        session=session,
        user_agent=device.user_agent if device else None,
        ip=device.ip if device else None,
    )


def sign_in_event(
    kind: AuditKind, command: RegisterUser | ValidateUser, user: User | None
) -> AuditEvent:
    """Return the event of a registration or a login, with the session that it asks for."""
    device = command.session or command.client
    return AuditEvent(
        kind=kind,
        user_id=user.id if user else None,
        session=command.session.id if command.session else None,
        user_agent=device.user_agent if device else None,
        ip=device.ip if device else None,
    )
