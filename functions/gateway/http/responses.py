"""The bodies of HTTP answers: what the documentation shows, and nothing internal."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class View(BaseModel):
    """What a client is shown; how is worked out when the first is, or when the document is."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, defer_build=True)


class Profile(View):
    """A user, to themselves."""

    id: str
    email: str
    name: str | None
    email_verified: bool
    created_at: datetime
    updated_at: datetime


class SignedIn(View):
    """The tokens of a new session, and whose it is."""

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
    """It will be done; what comes of it is in a mail."""

    status: Literal["accepted"] = "accepted"


class SessionView(View):
    """A device that is signed in."""

    id: str
    current: bool = Field(description="Whether it is the one that asks")
    signed_in_at: datetime
    last_used_at: datetime
    expires_at: datetime
    user_agent: str | None
    ip: str | None


class SessionList(View):
    """All devices that are signed in, the last used first."""

    sessions: list[SessionView]


class Enrolled(View):
    """A new second factor, which counts once its first code is confirmed."""

    secret: str = Field(description="Base32, to be typed into an authenticator app")
    uri: str = Field(description="The same as an otpauth:// link, to be shown as a QR code")


class RecoveryCodes(View):
    """Codes for the day when the device is lost; each is good once, and none is shown again."""

    recovery_codes: list[str]


class ExportedSession(View):
    """A device that is signed in."""

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
    """All that is kept about a person; of the events, the newest 1,000."""

    user: Profile
    second_factor_since: datetime | None
    sessions: list[ExportedSession]
    events: list[ExportedEvent]


class PublicKeys(View):
    """A JWK Set (RFC 7517)."""

    keys: list[dict[str, str]]


class Problem(View):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str


class InvalidMember(View):
    """One thing that is wrong with a request."""

    pointer: str
    detail: str


class InvalidRequest(Problem):
    """RFC 9457, with what is wrong."""

    errors: list[InvalidMember]


class Alive(View):
    """This process answers."""

    status: Literal["ok"] = "ok"


class Readiness(View):
    """What this process needs, and how each is."""

    status: Literal["ready", "not-ready"]
    checks: dict[str, Literal["up", "down", "unknown"]]
