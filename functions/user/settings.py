"""What the user function is told by its environment."""

from __future__ import annotations

from shared.settings import KafkaSettings


class Settings(KafkaSettings, frozen=True, kw_only=True):
    """The user function's settings; see the base classes for Kafka and logs.

    Attributes:
        database_url: libpq URL of PostgreSQL.
        database_timeout_s: how long a record waits for a connection before it fails.
        user_private_keys: JWK Set; opens what is sealed to this function.
        accept_plain_secrets: take a plain password from a peer that cannot seal (NestJS).
        bcrypt_cost: log2 of the rounds; a stored hash of another cost is renewed at login.
        batch_workers: keys worked on side by side, and connections to PostgreSQL. bcrypt leaves
            the interpreter lock, so this may well exceed one for each core.
    """

    database_url: str
    database_timeout_s: float = 5.0
    user_private_keys: str
    accept_plain_secrets: bool = False
    bcrypt_cost: int = 12
    batch_workers: int = 4
