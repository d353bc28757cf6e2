"""Builds the gateway: what it is made of is chosen here and nowhere else."""

from __future__ import annotations

from gateway.cache.profile_cache import ProfileCache
from gateway.cache.redis_client import RedisClient
from gateway.middleware.rate_limit import RateLimit
from gateway.notification_service import NotificationServiceClient
from gateway.readiness import ReadinessProbe
from gateway.routes.dependencies import Services
from gateway.security.abuse_limits import AbuseLimits
from gateway.security.access_tokens import AccessTokens
from gateway.security.one_time_tokens import RefreshTokens
from gateway.security.revoked_sessions import RevokedSessions
from gateway.settings import Settings
from gateway.user_service.accounts import AccountCommands
from gateway.user_service.client import UserServiceClient
from gateway.user_service.credentials import CredentialCommands
from gateway.user_service.second_factor import SecondFactorCommands
from gateway.user_service.sessions import SessionCommands
from shared.bus.producer import Publisher
from shared.bus.reply_consumer import ReplyConsumer
from shared.bus.requester import MakeStrategy, Requester
from shared.contract.topics import GATEWAY_REPLY
from shared.security.sealing import JwkSet, Sealer


class Gateway:
    """What lives as long as the process, from :meth:`start` to :meth:`close`.

    Args:
        make_strategy: who polls Kafka while a request waits (:mod:`shared.bus.requester`).

    Raises:
        SettingsError: a key cannot be read.
    """

    def __init__(self, settings: Settings, make_strategy: MakeStrategy) -> None:
        publisher = Publisher(settings)
        replies = ReplyConsumer(settings, GATEWAY_REPLY)
        self._requester = Requester(
            publisher,
            replies,
            make_strategy(publisher, replies),
            reply_topic=GATEWAY_REPLY,
            timeout_s=settings.reply_timeout_ms / 1000,
            limit=settings.max_waiting,
        )
        self._redis = RedisClient(settings.redis_url, settings.redis_iam_cache)
        self.services = make_services(settings, self._requester, self._redis)

    def start(self) -> None:
        """Begin to read replies."""
        self._requester.start()

    async def close(self) -> None:
        """Send what is queued, then close every connection."""
        self._requester.close()
        await self._redis.close()


def make_services(settings: Settings, requester: Requester, redis: RedisClient) -> Services:
    """Return what the routes work with.

    Raises:
        SettingsError: a key cannot be read.
    """
    to_user = Sealer(JwkSet.from_json(settings.user_public_keys, "USER_PUBLIC_KEYS"))
    to_notification = Sealer(
        JwkSet.from_json(settings.notification_public_keys, "NOTIFICATION_PUBLIC_KEYS")
    )
    user_service = UserServiceClient(requester, to_user, to_notification)
    accounts = AccountCommands(user_service)
    access_tokens = _access_tokens(settings)
    return Services(
        accounts=accounts,
        sessions=SessionCommands(user_service),
        credentials=CredentialCommands(user_service),
        second_factor=SecondFactorCommands(user_service),
        notification_service=NotificationServiceClient(requester, to_notification),
        access_tokens=access_tokens,
        refresh_tokens=RefreshTokens(access_tokens.secret()),
        revoked_sessions=RevokedSessions(redis, seconds=access_tokens.longest_s),
        abuse_limits=_abuse_limits(settings, redis),
        profile_cache=ProfileCache(redis, seconds=settings.profile_cache_seconds),
        rate_limit=RateLimit(
            redis, requests=settings.rate_limit_requests, seconds=settings.rate_limit_seconds
        ),
        readiness=ReadinessProbe(accounts, redis),
        refresh_token_seconds=settings.refresh_token_seconds,
        sign_up=settings.sign_up,
    )


def _access_tokens(settings: Settings) -> AccessTokens:
    return AccessTokens(
        settings.jwt_signing_keys,
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        seconds=settings.access_token_seconds,
    )


def _abuse_limits(settings: Settings, redis: RedisClient) -> AbuseLimits:
    return AbuseLimits(
        redis,
        per_account=settings.attempts_per_account,
        per_network=settings.attempts_per_address or max(1, settings.rate_limit_requests // 2),
        longest_s=settings.attempts_longest_delay_seconds,
    )
