"""The notification function's settings."""

from __future__ import annotations

from typing import Literal

from shared.config.settings import LogSettings


class Settings(LogSettings, frozen=True, kw_only=True):
    """The settings, read from the environment; see the base class for logs.

    Attributes:
        redis_url: the Redis that remembers what has been sent.
        redis_iam_cache: see the gateway's settings.
        remember_sent_s: seconds for which it does; at least the topics' retention.
        notification_private_keys: JWK Set; opens what is sealed to this function.
        accept_plain_secrets: take a plain token from a peer that cannot seal (NestJS).
        mail_transport: ``smtp``, or ``ses`` (Amazon SES v2).
        mail_from: the sender, ``Name <address>``; the name also stands for the service in mails.
        link_base_url: the beginning of every link in a mail, ``https://app.example.com``.
        smtp_url: ``smtp://host:port``, ``smtp://user:pass@host:port?starttls=true`` or
            ``smtps://user:pass@host:port``; user and password percent-encoded.
        smtp_ca: PEM text of the authority that signed the mail server's certificate, when it is
            not one that the system trusts.
        ses_configuration_set: SES configuration set for bounces and metrics, or empty.
        sms_transport: ``none`` (a number in a message is logged and not used), or ``sns``.
        send_timeout_s: seconds for one send, from the first connection to the last answer.
        batch_workers: keys worked on side by side, and connections to the mail server.
    """

    redis_url: str
    redis_iam_cache: str = ""
    remember_sent_s: int = 7 * 24 * 3600
    notification_private_keys: str
    accept_plain_secrets: bool = False
    mail_transport: Literal["smtp", "ses"] = "smtp"
    mail_from: str
    link_base_url: str
    smtp_url: str = "smtp://127.0.0.1:1025"
    smtp_ca: str = ""
    ses_configuration_set: str = ""
    sms_transport: Literal["none", "sns"] = "none"
    send_timeout_s: float = 20.0
    batch_workers: int = 8
