"""What the gateway is told by its environment."""

from __future__ import annotations

from shared.settings import KafkaSettings


class Settings(KafkaSettings, frozen=True, kw_only=True):
    """The gateway's settings; see the base classes for Kafka and logs.

    Attributes:
        redis_url: rate limits and cached profiles.
        jwt_signing_keys: JWK Set with private keys, Ed25519 or P-256. The first signs; all of them
            verify.
        jwt_issuer, jwt_audience: the claims ``iss`` and ``aud``.
        access_token_seconds, refresh_token_seconds: how long each kind of token lives.
        user_public_keys, notification_public_keys: JWK Sets to which secrets are sealed.
        reply_timeout_ms: how long an answer is awaited; shorter than the function's timeout.
        max_waiting: requests that may wait for answers at the same time in one process.
        rate_limit_requests, rate_limit_seconds: for each client address.
        profile_cache_seconds: how long a cached profile lives; a change replaces it at once.
        host, port: where ``python -m gateway.server`` listens.
        trusted_proxies: addresses whose ``X-Forwarded-For`` is believed, comma-separated.
    """

    redis_url: str
    jwt_signing_keys: str
    jwt_issuer: str = "user-services"
    jwt_audience: str = "user-services"
    access_token_seconds: int = 900
    refresh_token_seconds: int = 604_800
    user_public_keys: str
    notification_public_keys: str
    reply_timeout_ms: int = 10_000
    max_waiting: int = 1_000
    rate_limit_requests: int = 100
    rate_limit_seconds: int = 60
    profile_cache_seconds: int = 300
    host: str = "127.0.0.1"
    port: int = 3000
    trusted_proxies: str = "127.0.0.1"
