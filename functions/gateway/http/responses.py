"""The bodies of HTTP responses: public members only."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class View(BaseModel):
    """The body of a response. Its serializer is built at its first use."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, defer_build=True)


class Profile(View):
    """The signed-in user's profile."""

    id: str
    email: str
    name: str | None
    email_verified: bool
    created_at: datetime
    updated_at: datetime


class SignedIn(View):
    """The tokens of a session, and its user."""

    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"] = Field(default="Bearer")
    expires_in: int = Field(description="Seconds until the access token expires")
    user: Profile


class Challenge(View):
    """The password was right; a code has to follow."""

    challenge: Literal["totp"] = "totp"
    challenge_token: str
    expires_in: int = Field(description="Seconds until the challenge expires")


class Accepted(View):
    """The request is accepted; its outcome is in a mail."""

    status: Literal["accepted"] = "accepted"


class SessionView(View):
    """A signed-in device."""

    id: str
    current: bool = Field(description="Whether the request came with this session")
    signed_in_at: datetime
    last_used_at: datetime
    expires_at: datetime
    user_agent: str | None
    ip: str | None


class SessionList(View):
    """All signed-in devices, the last used first."""

    sessions: list[SessionView]


class Enrolled(View):
    """A new second factor; it counts once its first code is confirmed."""

    secret: str = Field(description="Base32, to be typed into an authenticator app")
    uri: str = Field(description="The same as an otpauth:// link, to be shown as a QR code")


class RecoveryCodes(View):
    """Recovery codes for a lost device; each works once, and none is shown again."""

    recovery_codes: list[str]


class ExportedSession(View):
    """A signed-in device."""

    id: str
    signed_in_at: datetime
    used_at: datetime
    expires_at: datetime
    user_agent: str | None
    ip: str | None


class ExportedEvent(View):
    """One event of the audit trail."""

    at: datetime
    kind: str
    session: str | None
    user_agent: str | None
    ip: str | None


class Export(View):
    """All that is stored about the user; of the events, the newest 1,000."""

    user: Profile
    second_factor_since: datetime | None
    sessions: list[ExportedSession]
    events: list[ExportedEvent]


class PublicKeys(View):
    """A JWK Set (RFC 7517)."""

    keys: list[dict[str, str]]


class Problem(View):
    """A problem (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str


class InvalidMember(View):
    """One member of a request that is wrong."""

    pointer: str
    detail: str


class InvalidRequest(Problem):
    """A problem (RFC 9457) with the members that are wrong."""

    errors: list[InvalidMember]


class Alive(View):
    """The process is alive."""

    status: Literal["ok"] = "ok"


class Readiness(View):
    """The state of each service that the process needs."""

    status: Literal["ready", "not-ready"]
    checks: dict[str, Literal["up", "down", "unknown"]]
