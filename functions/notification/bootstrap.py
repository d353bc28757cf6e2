"""Builds the notification function from its settings."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from email.headerregistry import Address
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from notification.idempotency import RedisIdempotency
from notification.rendering import Renderer
from notification.service import NotificationService, SmsTransport
from notification.settings import Settings
from notification.transports.mail import MailTransport, sender
from notification.transports.smtp import SmtpTransport
from notification.transports.smtp_server import SmtpServer
from shared.config.settings import SettingsError
from shared.runtime.batch import run_batch
from shared.security.sealing import JwkSet, Opener

if TYPE_CHECKING:
    from botocore.config import Config

    from notification.transports.ses import SesTransport
    from notification.transports.sms import SnsTransport

# What an effect needs beside the send itself: its mark in Redis, before and after.
_MARKING_S = 5.0
# Half of it each. A mark whose answer is late is not asked for again: the second SET NX would find
# the first one's mark, take it for another process's, and wait for its lease.
_REDIS_TIMEOUT_S = _MARKING_S / 2


class InvocationContext(Protocol):
    """The part of Lambda's context object that is used here."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the invocation is stopped."""
        ...


class NotificationFunction:
    """The function: an AWS Kafka event in, a partial batch response out.

    Nothing is connected before the first record, so a snapshot of this can be restored often.

    Raises:
        SettingsError: a setting cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self._mail = _mail(settings)
        self._sms = _sms(settings)
        self._redis = _redis(settings)
        self._workers = ThreadPoolExecutor(settings.batch_workers, thread_name_prefix="record")
        self._service = _service(settings, self._mail, self._sms, self._redis)

    def __call__(self, event: Mapping[str, Any], context: InvocationContext) -> dict[str, Any]:
        """Send what the records of one batch ask for.

        Returns:
            ``{"batchItemFailures": [...]}``, the records to be delivered again.
        """

        def seconds_left() -> float:
            return context.get_remaining_time_in_millis() / 1000

        return run_batch(
            event, lambda record: self._service.handle(record, seconds_left), self._workers
        )

    def close(self) -> None:
        """Close threads and connections."""
        self._workers.shutdown()
        self._mail.close()
        if self._sms:
            self._sms.close()
        self._redis.close()


def _service(
    settings: Settings, mail: MailTransport, sms: SmsTransport | None, redis: Redis
) -> NotificationService:
    keys = JwkSet.from_json(settings.notification_private_keys, "NOTIFICATION_PRIVATE_KEYS")
    link_base = _link_base(settings.link_base_url)
    return NotificationService(
        renderer=Renderer(brand=_brand(sender(settings.mail_from)), home=link_base),
        mail=mail,
        sms=sms,
        idempotency=RedisIdempotency(
            redis,
            lease_s=settings.send_timeout_s + _MARKING_S,
            remember_s=settings.remember_sent_s,
        ),
        opener=Opener(keys, accept_plain=settings.accept_plain_secrets),
        link_base=link_base,
    )


def _redis(settings: Settings) -> Redis:
    url, credentials = settings.redis_url, None
    if settings.redis_iam_cache:
        from shared.security.elasticache_iam import iam_credentials

        url, credentials = iam_credentials(url, settings.redis_iam_cache)
    try:
        return Redis.from_url(
            url,
            credential_provider=credentials,
            socket_timeout=_REDIS_TIMEOUT_S,
            socket_connect_timeout=_REDIS_TIMEOUT_S,
            socket_keepalive=True,
            health_check_interval=30,  # seconds of idleness, or of being frozen
            retry=Retry(ExponentialBackoff(cap=0.2, base=0.05), 1, (RedisConnectionError,)),
        )
    except ValueError:
        raise SettingsError("REDIS_URL is not the URL of a Redis.") from None


def _mail(settings: Settings) -> SmtpTransport | SesTransport:
    from_ = sender(settings.mail_from)
    if settings.mail_transport == "smtp":
        server = SmtpServer.from_url(settings.smtp_url)
        return SmtpTransport(server, from_, settings.send_timeout_s, settings.smtp_ca)
    return _ses(from_, settings)


# boto3 takes a third of a second to import, so it is imported only where it is used.


def _ses(from_: Address, settings: Settings) -> SesTransport:
    import boto3

    from notification.transports.ses import SesTransport

    client = boto3.client("sesv2", config=_aws_config(settings.send_timeout_s))
    return SesTransport(
        client,
        from_,
        configuration_set=settings.ses_configuration_set,
        patience_s=settings.send_timeout_s / 4,
    )


def _sms(settings: Settings) -> SnsTransport | None:
    if settings.sms_transport == "none":
        return None
    import boto3

    from notification.transports.sms import SnsTransport

    return SnsTransport(boto3.client("sns", config=_aws_config(settings.send_timeout_s)))


def _aws_config(timeout_s: float) -> Config:
    """Return the configuration of an AWS client that makes one attempt.

    After a time-out it is unknown whether the mail is out; a second attempt at once could send it
    twice.
    """
    from botocore.config import Config

    # At DEBUG, botocore logs whole requests, and so the tokens in them.
    logging.getLogger("botocore").setLevel(logging.INFO)
    return Config(
        connect_timeout=timeout_s / 8,
        read_timeout=timeout_s / 2,
        retries={"mode": "standard", "total_max_attempts": 1},
        tcp_keepalive=True,
    )


def _brand(from_: Address) -> str:
    return from_.display_name or from_.domain


def _link_base(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.netloc or parts.query or parts.fragment:
        raise SettingsError("LINK_BASE_URL is not like https://app.example.com.")
    return url.rstrip("/")
