"""The gateway's environment variables."""

from __future__ import annotations

from typing import Literal

from shared.config.settings import KafkaSettings


class Settings(KafkaSettings, frozen=True, kw_only=True):
    """The gateway's settings; see the base classes for Kafka and logs.

    Attributes:
        redis_url: rate limits, cached profiles, ended sessions.
        redis_iam_cache: name of the ElastiCache cache that this is; the URL has a user and no
            password then, because AWS credentials sign in. Empty for any other Redis.
        jwt_signing_keys: JWK Set with private keys, Ed25519 or P-256. The first signs; all of them
            verify.
        jwt_issuer, jwt_audience: the claims ``iss`` and ``aud``.
        access_token_seconds, refresh_token_seconds: how long each kind of token lives.
        user_public_keys, notification_public_keys: JWK Sets to which secrets are sealed.
        sign_up: ``open``: register answers with tokens, or 409. ``verified``: register answers
            202 or 409, and signing in waits for the mail. ``private``: register always answers
            202, and what came of it is in the mail. The user function has the same setting.
        reply_timeout_ms: how long a reply is awaited; shorter than the function's timeout.
        max_waiting: requests to one topic that may wait for replies at the same time in one
            process, at most; while replies are late it is fewer
            (:mod:`shared.bus.concurrency_limit`).
        rate_limit_requests, rate_limit_seconds: for each client address.
        attempts_per_account: passwords that may be tried on one account, from one network, before
            each further one has to wait, twice as long each time.
        attempts_per_address: the same for one network on all accounts, and for registering and
            other things that are abused; 0 means half of ``rate_limit_requests``.
        attempts_longest_delay_seconds: no delay is longer.
        profile_cache_seconds: how long a cached profile lives; a change replaces it at once.
        host, port: where ``python -m gateway.server`` listens.
        trusted_proxies: addresses whose ``X-Forwarded-For`` is believed, comma-separated.
        front: ``cloudfront``: in Lambda, only what CloudFront sends is served
            (:mod:`gateway.middleware.cloudfront`). A server has ``trusted_proxies``.
        origin_secrets: by which it is known, comma-separated: current, next, previous.
    """

    redis_url: str
    redis_iam_cache: str = ""
    jwt_signing_keys: str
    jwt_issuer: str = "user-services"
    jwt_audience: str = "user-services"
    access_token_seconds: int = 900
    refresh_token_seconds: int = 604_800
    user_public_keys: str
    notification_public_keys: str
    sign_up: Literal["open", "verified", "private"] = "open"
    reply_timeout_ms: int = 10_000
    max_waiting: int = 1_000
    rate_limit_requests: int = 100
    rate_limit_seconds: int = 60
    attempts_per_account: int = 5
    attempts_per_address: int = 0
    attempts_longest_delay_seconds: int = 300
    profile_cache_seconds: int = 300
    host: str = "127.0.0.1"
    port: int = 3000
    trusted_proxies: str = "127.0.0.1"
    front: Literal["none", "cloudfront"] = "none"
    origin_secrets: str = ""
