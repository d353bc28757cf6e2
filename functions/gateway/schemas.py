"""The bodies of HTTP requests and responses: what the documentation shows, and nothing internal."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, EmailStr, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel

_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"

# OWASP ASVS 5, 6.2.1 and 6.2.9: at least 8, at least 64 allowed, no rule of composition.
Password = Annotated[str, StringConstraints(min_length=8, max_length=128)]
# At login nothing is said of length: a wrong password is a wrong password.
AnyPassword = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=_PRINTABLE)]
Email = Annotated[EmailStr, Field(max_length=254, examples=["ada@example.com"])]


class Body(BaseModel):
    """What a client sends: members that are not known are refused, so that a typo is noticed."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


class Register(Body):
    """Make an account."""

    email: Email
    password: Annotated[Password, Field(examples=["correct horse battery"])]
    name: Annotated[Name | None, Field(examples=["Ada"])] = None


class Login(Body):
    """Sign in."""

    email: Email
    password: Annotated[AnyPassword, Field(examples=["correct horse battery"])]


class ProfileChange(Body):
    """Change one's profile: what is absent stays as it is, and a null name is taken away."""

    name: Name | None = None
    email: Email | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("Give a name or an email.")
        if "email" in self.model_fields_set and self.email is None:
            raise ValueError("An account has an email.")
        return self


class View(BaseModel):
    """What a client is shown."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


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
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - RFC 6750's name of the type
    expires_in: int = Field(description="Seconds until the access token expires")
    user: Profile


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
