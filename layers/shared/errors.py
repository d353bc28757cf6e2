"""The error tree: what is an answer, and what is a failure.

::

    ServiceError
    ├── Refusal              a business answer: told to the caller, the record is done
    │   ├── BadMessage       400  the message does not have the shape its topic promises
    │   ├── InvalidCredentials 401
    │   ├── UserNotFound     404
    │   └── EmailTaken       409
    ├── Unavailable          503  a dependency is broken: a record fails and is delivered again
    ├── Overloaded           503  this process holds as many requests as it can answer in time
    └── ReplyTimeout         504  nobody answered before the deadline

The codes are stable and are part of the contract; the status is what HTTP shows, and what NestJS
calls ``statusCode`` on the wire.
"""

from __future__ import annotations


class ServiceError(Exception):
    """Anything this system says went wrong.

    Attributes:
        code: stable name, words joined by hyphens.
        status: HTTP status code.
        message: a sentence for the caller, without secrets.
    """

    code = "internal-error"
    status = 500

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Refusal(ServiceError):
    """A business answer that says no. The record that asked is done.

    Args:
        message: a sentence for the caller.
        code, status: given when the refusal comes from another service's reply; the subclasses
            here have their own.
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
    """Unknown e-mail or wrong password: the caller is not told which."""

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


class Unavailable(ServiceError):
    """A dependency is broken for now; the same thing may work later."""

    code = "unavailable"
    status = 503


class Overloaded(ServiceError):
    """This process holds as many requests as it can answer in time."""

    code = "overloaded"
    status = 503


class ReplyTimeout(ServiceError):
    """Nobody answered before the deadline."""

    code = "timeout"
    status = 504
