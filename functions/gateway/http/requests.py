"""The bodies of HTTP requests."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
    validate_email,
)
from pydantic.alias_generators import to_camel

_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"

# OWASP ASVS 5, 6.2.1 and 6.2.9: at least 8, at least 64 allowed, no rule of composition.
Password = Annotated[str, StringConstraints(min_length=8, max_length=128)]
NewPassword = Annotated[Password, Field(examples=["correct horse battery"])]
# At login no rule of length applies: a wrong password is a wrong password.
AnyPassword = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
# Tokens are compared by their hashes, so their form does not matter.
Token = Annotated[str, StringConstraints(min_length=1, max_length=512)]
Code = Annotated[str, StringConstraints(min_length=6, max_length=40), Field(examples=["123456"])]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=_PRINTABLE)]
# As pydantic's EmailStr, which would import email-validator before there is an address.
Email = Annotated[
    str,
    AfterValidator(lambda text: validate_email(text)[1]),
    Field(max_length=254, examples=["ada@example.com"], json_schema_extra={"format": "email"}),
]


class Body(BaseModel):
    """The body of a request. Unknown members are refused, so that a typo is noticed.

    No value is converted: 0 is not false.
    """

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", strict=True
    )


class ProfileMembers(Body):
    """The members of a profile that a client can set, when it registers and later."""

    name: Annotated[Name | None, Field(examples=["Ada"])] = None

    def profile(self) -> dict[str, object]:
        """Return the members that were sent, null included, by their names in our messages."""
        sent = ProfileMembers.model_fields.keys() & self.model_fields_set
        return {name: getattr(self, name) for name in sent}


class Register(ProfileMembers):
    """Make an account."""

    email: Email
    password: NewPassword


class Login(Body):
    """Sign in."""

    email: Email
    password: Annotated[AnyPassword, Field(examples=["correct horse battery"])]


class Refresh(Body):
    """Spend a refresh token for new tokens."""

    refresh_token: Token


class Logout(Body):
    """Sign out: of the access token's session, and of the refresh token's, or of all."""

    refresh_token: Token | None = None
    all: bool = False


class ChangePassword(Body):
    """Another password."""

    current_password: AnyPassword
    new_password: NewPassword


class Forgot(Body):
    """Have a link mailed to choose another password."""

    email: Email


class Reset(Body):
    """Choose another password, with the token that was mailed."""

    token: Token
    password: NewPassword


class Verify(Body):
    """Confirm an e-mail address, with the token that was mailed."""

    token: Token


class Resend(Body):
    """Have the link to confirm an address mailed again; without one, the signed-in user's."""

    email: Email | None = None


class PasswordOnly(Body):
    """The password once more: with this request, an account could be stolen."""

    password: AnyPassword


class Reauthenticated(Body):
    """The password once more, unless the login was a few minutes ago."""

    password: AnyPassword | None = None


class TotpCode(Body):
    """A code of the second factor."""

    code: Code


class Answer(TotpCode):
    """The second step of a login: a code of the moment, or a recovery code."""

    challenge_token: Token


class ProfileChange(ProfileMembers):
    """Change the profile: absent members stay as they are, and a null name is deleted.

    A new e-mail counts once it is confirmed with the link that is mailed there. If the login was
    long ago, it needs the password.
    """

    email: Email | None = None
    password: AnyPassword | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.profile() or "email" in self.model_fields_set):
            raise ValueError("Give a name or an email.")
        if "email" in self.model_fields_set and self.email is None:
            raise ValueError("An account has an email.")
        return self
