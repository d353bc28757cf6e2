"""The settings of the user function, read from environment variables."""

from __future__ import annotations

from shared.config.settings import KafkaSettings
from user.accounts.model import SignUp


class Settings(KafkaSettings, frozen=True, kw_only=True):
    """The user function's settings; see the base classes for Kafka and logs.

    Attributes:
        database_url: libpq URL of PostgreSQL.
        database_iam: the URL has no password; a token signed with AWS credentials takes its
            place (RDS Proxy).
        database_timeout_s: seconds that a record waits for a connection before it fails.
        user_private_keys: JWK Set; opens fields that are sealed to this function, and seals the
            secrets that it stores. The first key seals; all keys open.
        accept_plain_secrets: take a plain password from a peer that cannot seal (NestJS).
        bcrypt_cost: log2 of the rounds; a stored hash of another cost is renewed at login.
        batch_workers: keys worked on side by side, and connections to PostgreSQL. bcrypt releases
            the interpreter lock, so this may exceed one for each core.
        sign_up: ``open``: a user is signed in by registering. ``verified``: signing in waits until
            the e-mail is confirmed. ``private``: as ``verified``, and register, login or a change
            of e-mail does not show whether an address has an account. The gateway has the same
            setting; give both the same value.
        refresh_grace_seconds: how long a spent refresh token is answered with the same successor
            again, if that was not used yet.
        session_longest_seconds: how long after a login its session ends, however often it is
            refreshed.
        recent_login_seconds: how long a login is recent enough to change e-mail or second factor
            without the password.
        keep_outcomes_hours: how long the outcome of a command is stored; at least as long as the
            command topics keep a record, which is their retention and a segment.
    """

    database_url: str
    database_iam: bool = False
    database_timeout_s: float = 5.0
    user_private_keys: str
    accept_plain_secrets: bool = False
    bcrypt_cost: int = 12
    batch_workers: int = 4
    sign_up: SignUp = "open"
    refresh_grace_seconds: int = 5
    session_longest_seconds: int = 90 * 24 * 3600
    recent_login_seconds: int = 600
    keep_outcomes_hours: int = 24 * 5
