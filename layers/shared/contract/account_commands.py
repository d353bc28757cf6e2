"""What else can be asked about an account: its sessions, password, e-mail, second factor.

These share the topics ``user.session``, ``user.update``, ``user.find`` and ``user.delete``; the
member ``action`` says which is meant. A message without one is the topic's plain message of
:mod:`shared.contract.messages`, as a NestJS service sends it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from shared.contract.json import decoded
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
    """One of several things that a topic is asked for.

    Attributes:
        client: the device, for the audit trail.
    """

    client: Client | None = None


class OwnAction(Action, frozen=True, kw_only=True):
    """A command of a user about their own account.

    Attributes:
        id: the user.
        session: the caller's session; it has to be active.
    """

    id: Id
    session: Id


# ---- user.session


class Refresh(Action, frozen=True, tag="refresh"):
    """Spend a refresh token for its successor. Answered with :class:`SessionResult`.

    Attributes:
        refresh_token_hash: of the token that is spent.
        successor: the token that takes its place. The same token always has the same successor,
            so that two requests racing with one token are given the same.
    """

    refresh_token_hash: Sha256
    successor: NewSession


class AnswerChallenge(Action, frozen=True, tag="answer-challenge"):
    """The second step of a login. Answered with :class:`SessionResult`.

    Attributes:
        challenge: hash of the token that the first step gave out.
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
        ended: revoked sessions; their access tokens must not pass any more.
    """

    user: User | None = None
    session: Id | None = None
    ended: tuple[Id, ...] = ()


class ListSessions(OwnAction, frozen=True, tag="list"):
    """The sessions that the user is signed in with. Answered with :class:`SessionList`."""


class EndSessions(OwnAction, frozen=True, tag="end"):
    """Sign out: one session or all. Answered with :class:`SessionsRevoked`.

    Attributes:
        which: the session to end; None for all.
        refresh_token_hash: end the session that this token belongs to, instead of ``which``.
    """

    which: Id | None = None
    refresh_token_hash: Sha256 | None = None


class SessionsRevoked(Message, frozen=True):
    """Revoked sessions: their access tokens must not pass any more."""

    ended: tuple[Id, ...] = ()


class SessionView(Message, frozen=True, omit_defaults=False):
    """One session, as its owner sees it.

    Attributes:
        id: the access token's ``sid``.
        signed_in_at, used_at, expires_at: the login, the last refresh, and when it dies unused.
        user_agent, ip: of the last refresh.
    """

    id: str
    signed_in_at: datetime
    used_at: datetime
    expires_at: datetime
    user_agent: str | None
    ip: str | None


class SessionList(Message, frozen=True, omit_defaults=False):
    """All active sessions, the last used first."""

    sessions: tuple[SessionView, ...]


# ---- user.update: password and e-mail


class ChangePassword(OwnAction, frozen=True, tag="change-password"):
    """Another password; ends all other sessions. Answered with :class:`SessionsRevoked`."""

    current: Secret
    new: Secret


class ForgotPassword(Action, frozen=True, tag="forgot-password"):
    """An event: mail this token to the owner of the address, if there is one."""

    email: Email
    token: MailedToken


class ResetPassword(Action, frozen=True, tag="reset-password"):
    """A new password for the owner of a mailed token; revokes all sessions.

    Answered with :class:`SessionsRevoked`.
    """

    token: Sha256
    password: Secret


class SendVerification(Action, frozen=True, tag="send-verification"):
    """An event: mail this token to the address, if it has an account and is not verified yet."""

    email: Email
    token: MailedToken


class VerifyEmail(Action, frozen=True, tag="verify-email"):
    """The token came back, so the address is theirs. Answered with a :class:`User`."""

    token: Sha256


class ChangeEmail(OwnAction, frozen=True, tag="change-email"):
    """Mail this token to the new address; it is theirs when the token comes back.

    Answered with a :class:`User`, whose address is still the old one.

    Attributes:
        password: needed when the sign-in was long ago.
        quiet: do not refuse an address that is taken, but notify its owner by mail.
    """

    email: Email
    token: MailedToken
    password: Secret | None = None
    quiet: bool = False


# ---- user.update: the second factor


class EnrolTotp(OwnAction, frozen=True, tag="enrol-totp"):
    """Keep a secret for codes (RFC 6238), which counts once it is confirmed. :class:`User`.

    Attributes:
        secret: base32, sealed.
        password: needed when the sign-in was long ago.
    """

    secret: Secret
    password: Secret | None = None


class ConfirmTotp(OwnAction, frozen=True, tag="confirm-totp"):
    """The first code: the second factor is on from now. Answered with a :class:`User`."""

    code: Secret
    recovery_hashes: RecoveryHashes


class RenewRecoveryCodes(OwnAction, frozen=True, tag="renew-recovery-codes"):
    """Other recovery codes in place of those there are. Answered with a :class:`User`."""

    password: Secret
    recovery_hashes: RecoveryHashes


class RemoveTotp(OwnAction, frozen=True, tag="remove-totp"):
    """The second factor is off from now. Answered with a :class:`User`."""

    password: Secret


# ---- user.delete and user.find


class DeleteUser(OwnAction, frozen=True, tag="delete"):
    """Delete the account. Answered with :class:`SessionsRevoked`."""

    password: Secret


class ExportUser(OwnAction, frozen=True, tag="export"):
    """All data of a user. Answered with :class:`Export`."""


class AuditView(Message, frozen=True, omit_defaults=False):
    """One event of the audit trail, as its owner sees it."""

    at: datetime
    kind: str
    session: str | None
    user_agent: str | None
    ip: str | None


class Export(Message, frozen=True, omit_defaults=False):
    """All data of a user.

    Attributes:
        second_factor_since: None when it is off.
        sessions: the active ones.
        events: of the audit trail, the newest first, no more than 1,000.
    """

    user: User
    second_factor_since: datetime | None
    sessions: tuple[SessionView, ...]
    events: tuple[AuditView, ...]


class _Asked(msgspec.Struct, frozen=True):
    action: str | None = None


def action_of(value: bytes | None) -> str | None:
    """Return the ``action`` of a message; None for a plain message, and for invalid JSON."""
    try:
        return decoded(value or b"{}", _Asked).action
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
