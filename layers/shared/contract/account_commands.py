"""Commands and queries about an account: its sessions, password, e-mail, second factor.

These share the topics ``user.session``, ``user.update``, ``user.find`` and ``user.delete``; the
member ``action`` says which. A message without it is the topic's plain message of
:mod:`shared.contract.messages`, as a NestJS service sends it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from shared.contract.json import decode_json
from shared.contract.messages import (
    Client,
    Email,
    Id,
    MailedToken,
    Message,
    NewSession,
    Secret,
    Sha256,
    User,
)

RecoveryHashes = Annotated[tuple[Sha256, ...], Meta(min_length=1, max_length=20)]


class Action(Message, frozen=True, kw_only=True, tag_field="action", tag=True):
    """One of several messages that share a topic.

    Attributes:
        client: the device, for the audit trail.
    """

    client: Client | None = None


class OwnAction(Action, frozen=True, kw_only=True):
    """A message of a signed-in user about their own account.

    Attributes:
        id: the user.
        session: the session of the sender; it must not have ended.
    """

    id: Id
    session: Id


# ---- user.session


class Refresh(Action, frozen=True, tag="refresh"):
    """Spend a refresh token for its successor. Answered with :class:`SessionResult`.

    Attributes:
        refresh_token_hash: of the token that is spent.
        successor: the token that takes its place. One token always has the same successor, so
            that two requests racing with it get the same one.
    """

    refresh_token_hash: Sha256
    successor: NewSession


class AnswerChallenge(Action, frozen=True, tag="answer-challenge"):
    """The second step of a login. Answered with :class:`SessionResult`.

    Attributes:
        challenge: hash of the token that the first step returned.
        code: six digits, or a recovery code; sealed.
        new: the session to open.
    """

    challenge: Sha256
    code: Secret
    new: NewSession


class SessionResult(Message, frozen=True):
    """The opened session, or the sessions revoked because a spent token came back.

    Attributes:
        user, session: both are there, or neither.
        ended: revoked sessions, whose access tokens must be refused from now on.
    """

    user: User | None = None
    session: Id | None = None
    ended: tuple[Id, ...] = ()


class ListSessions(OwnAction, frozen=True, tag="list"):
    """List the user's sessions. Answered with :class:`SessionList`."""


class EndSessions(OwnAction, frozen=True, tag="end"):
    """Sign out of one session or all. Answered with :class:`SessionsRevoked`.

    Attributes:
        which: the session to end; None for all.
        refresh_token_hash: end the session that this token belongs to, instead of ``which``.
    """

    which: Id | None = None
    refresh_token_hash: Sha256 | None = None


class SessionsRevoked(Message, frozen=True):
    """The revoked sessions, whose access tokens must be refused from now on."""

    ended: tuple[Id, ...] = ()


class SessionView(Message, frozen=True, omit_defaults=False):
    """One session, as the user sees it.

    Attributes:
        id: the access token's ``sid``.
        signed_in_at, used_at, expires_at: the login, the last refresh, and when it expires unused.
        user_agent, ip: of the last refresh.
    """

    id: str
    signed_in_at: datetime
    used_at: datetime
    expires_at: datetime
    user_agent: str | None
    ip: str | None


class SessionList(Message, frozen=True, omit_defaults=False):
    """All sessions that have not ended, the last used first."""

    sessions: tuple[SessionView, ...]


# ---- user.update: password and e-mail


class ChangePassword(OwnAction, frozen=True, tag="change-password"):
    """Set another password; ends all other sessions. Answered with :class:`SessionsRevoked`."""

    current: Secret
    new: Secret


class ForgotPassword(Action, frozen=True, tag="forgot-password"):
    """Mail this token to the owner of the address, if there is one. An event."""

    email: Email
    token: MailedToken


class ResetPassword(Action, frozen=True, tag="reset-password"):
    """Set a new password by a mailed token; ends all sessions.

    Answered with :class:`SessionsRevoked`.
    """

    token: Sha256
    password: Secret


class SendVerification(Action, frozen=True, tag="send-verification"):
    """Mail this token to the address, if a user has it and it is not verified yet. An event."""

    email: Email
    token: MailedToken


class VerifyEmail(Action, frozen=True, tag="verify-email"):
    """Verify the address to which this token was mailed. Answered with a :class:`User`."""

    token: Sha256


class ChangeEmail(OwnAction, frozen=True, tag="change-email"):
    """Mail this token to the new address, which counts once the token comes back.

    Answered with a :class:`User`, whose address is still the old one.

    Attributes:
        password: needed when the login was long ago.
        quiet: do not refuse an address that is taken; its owner gets a mail instead.
    """

    email: Email
    token: MailedToken
    password: Secret | None = None
    quiet: bool = False


# ---- user.update: the second factor


class EnrolTotp(OwnAction, frozen=True, tag="enrol-totp"):
    """Store a secret for codes (RFC 6238), which counts once it is confirmed.

    Answered with a :class:`User`.

    Attributes:
        secret: base32, sealed.
        password: needed when the login was long ago.
    """

    secret: Secret
    password: Secret | None = None


class ConfirmTotp(OwnAction, frozen=True, tag="confirm-totp"):
    """Turn the second factor on, with its first code. Answered with a :class:`User`."""

    code: Secret
    recovery_hashes: RecoveryHashes


class RenewRecoveryCodes(OwnAction, frozen=True, tag="renew-recovery-codes"):
    """Replace all recovery codes with these hashes. Answered with a :class:`User`."""

    password: Secret
    recovery_hashes: RecoveryHashes


class RemoveTotp(OwnAction, frozen=True, tag="remove-totp"):
    """Turn the second factor off. Answered with a :class:`User`."""

    password: Secret


# ---- user.delete and user.find


class DeleteUser(OwnAction, frozen=True, tag="delete"):
    """Delete the account. Answered with :class:`SessionsRevoked`."""

    password: Secret


class ExportUser(OwnAction, frozen=True, tag="export"):
    """Export all stored data of a user. Answered with :class:`Export`."""


class AuditView(Message, frozen=True, omit_defaults=False):
    """One event of the audit trail, as the user sees it."""

    at: datetime
    kind: str
    session: str | None
    user_agent: str | None
    ip: str | None


class Export(Message, frozen=True, omit_defaults=False):
    """All stored data of a user.

    Attributes:
        second_factor_since: None when it is off.
        sessions: the sessions that have not ended.
        events: of the audit trail, the newest first, no more than 1,000.
    """

    user: User
    second_factor_since: datetime | None
    sessions: tuple[SessionView, ...]
    events: tuple[AuditView, ...]


class _ActionMember(msgspec.Struct, frozen=True):
    action: str | None = None


def action_of(value: bytes | None) -> str | None:
    """Return the ``action`` of a message; None for a plain message, and for invalid JSON."""
    try:
        return decode_json(value or b"{}", _ActionMember).action
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
