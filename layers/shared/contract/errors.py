"""The error tree: what is an answer, and what is a failure.

::

    ServiceError
    ├── Refusal              a business answer that goes to the client; the record is done
    │   ├── BadMessage       400  the message does not have the shape its topic promises
    │   ├── InvalidToken     400  a mailed token that is unknown, used, or too old
    │   ├── InvalidCredentials 401
    │   ├── SessionEnded     401  signed out, revoked, or expired
    │   ├── SecondFactorNeeded 401  the password was right, and a code has to follow
    │   ├── WrongCode        401
    │   ├── EmailNotVerified 403
    │   ├── PasswordNeeded   403  the login is too long ago for this without the password
    │   ├── UserNotFound     404
    │   ├── EmailTaken       409
    │   ├── SecondFactorState 409  on where it must be off, or off where it must be on
    │   ├── WeakPassword     422
    │   └── TooManyAttempts  429
    ├── Unavailable          503  a dependency is broken: a record fails and is delivered again
    ├── Overloaded           503  this process holds as many requests as it can answer in time
    └── ReplyTimeout         504  no reply came before the deadline

The codes are stable and are part of the contract; the status is what HTTP shows, and what NestJS
calls ``statusCode`` on the wire.
"""

from __future__ import annotations


class ServiceError(Exception):
    """The base of all errors that this system raises on purpose.

    Attributes:
        code: stable name, words joined by hyphens.
        status: HTTP status code.
        message: a sentence for the client, without secrets.
    """

    code = "internal-error"
    status = 500

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Refusal(ServiceError):
    """A business answer that says no. The request's record is done.

    Args:
        message: a sentence for the client.
        code, status: given when the refusal comes from a peer's reply; the subclasses here have
            their own.
    """

    code = "refused"
    status = 400

    def __init__(self, message: str, *, code: str | None = None, status: int | None = None) -> None:
        super().__init__(message)
        self.code = code or type(self).code
        self.status = status or type(self).status


class BadMessage(Refusal):
    """The message does not have the shape its topic promises."""

    code = "bad-message"
    status = 400


class InvalidCredentials(Refusal):
    """Unknown e-mail or wrong password; the client does not learn which."""

    code = "invalid-credentials"
    status = 401

    def __init__(self) -> None:
        super().__init__("The e-mail or the password is not right.")


class UserNotFound(Refusal):
    """No user has this id or e-mail."""

    code = "user-not-found"
    status = 404

    def __init__(self) -> None:
        super().__init__("There is no such user.")


class EmailTaken(Refusal):
    """Another user has this e-mail."""

    code = "email-taken"
    status = 409

    def __init__(self) -> None:
        super().__init__("This e-mail is already registered.")


class InvalidToken(Refusal):
    """A mailed token or a challenge that is unknown, used or too old; not said which."""

    code = "invalid-token"
    status = 400

    def __init__(self) -> None:
        super().__init__("The token is not valid, or no longer.")


class SessionEnded(Refusal):
    """The session is signed out, revoked or expired, or its refresh token is not known."""

    code = "session-ended"
    status = 401

    def __init__(self) -> None:
        super().__init__("The session has ended. Sign in again.")


class SecondFactorNeeded(Refusal):
    """The password was right, and a code of the second factor has to follow."""

    code = "second-factor-needed"
    status = 401

    def __init__(self) -> None:
        super().__init__("A code of the second factor is needed.")


class WrongCode(Refusal):
    """A code that is not the current one, was used before, or is no recovery code."""

    code = "wrong-code"
    status = 401

    def __init__(self) -> None:
        super().__init__("The code is not right, or was used before.")


class EmailNotVerified(Refusal):
    """The e-mail must be verified before the first login."""

    code = "email-not-verified"
    status = 403

    def __init__(self) -> None:
        super().__init__("Confirm your e-mail first, with the link that was mailed.")


class PasswordNeeded(Refusal):
    """The login is too long ago for such a change, which then needs the password."""

    code = "password-needed"
    status = 403

    def __init__(self) -> None:
        super().__init__("You signed in a while ago, so this needs your password.")


class SecondFactorState(Refusal):
    """The second factor is on where it must be off, or off where it must be on."""

    code = "second-factor-state"
    status = 409

    def __init__(self, *, on: bool) -> None:
        super().__init__(f"The second factor is {'on' if on else 'off'}.")


class WeakPassword(Refusal):
    """A new password that is too easy to guess; the sentence says why."""

    code = "weak-password"
    status = 422


class TooManyAttempts(Refusal):
    """Too many attempts for now.

    Attributes:
        retry_after_s: seconds until the next attempt is looked at, where they are known.
    """

    code = "too-many-attempts"
    status = 429

    def __init__(
        self,
        message: str = "Too many wrong codes. Wait a while.",
        *,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Unavailable(ServiceError):
    """A dependency is broken for now; a later attempt may succeed."""

    code = "unavailable"
    status = 503


class Overloaded(ServiceError):
    """The process holds as many requests as it can answer in time."""

    code = "overloaded"
    status = 503


class ReplyTimeout(ServiceError):
    """No reply came before the deadline."""

    code = "timeout"
    status = 504
