"""A deployment's options: CDK's context (``--context name=value``), read once and typed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import msgspec

from infra.cdk.environments import ENVIRONMENTS, Environment


class OptionError(Exception):
    """An option is missing or cannot be used. The message names it."""


class SelfManaged(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """Kafka, PostgreSQL and Redis that exist already: the file of ``self-managed``.

    Attributes:
        kafka_bootstrap_servers: ``host:port``, comma-separated.
        connections_secret_arn: Secrets Manager secret, JSON with ``DATABASE_URL`` and
            ``REDIS_URL``, and ``SMTP_URL`` for mail by SMTP.
        vpc_subnet_ids, security_group_ids: the functions' place in your network. The subnets need
            a way to Secrets Manager, to S3 and to the mail service (endpoints, or NAT).
        kafka_security_protocol, kafka_sasl_mechanism: ``SASL_SSL`` with ``SCRAM-SHA-512``, or
            ``SSL``, which is mutual TLS when there is a secret.
        kafka_secret_arn: a secret as Lambda reads it: username and password, or certificate and
            privateKey.
        kafka_ca_secret_arn: a secret with the certificate of a private authority.
        kms_key_arns: your keys that encrypt these secrets.
    """

    kafka_bootstrap_servers: str
    connections_secret_arn: str
    vpc_subnet_ids: tuple[str, ...]
    security_group_ids: tuple[str, ...]
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_SSL"] = "SASL_SSL"
    kafka_sasl_mechanism: Literal["", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    kafka_secret_arn: str = ""
    kafka_ca_secret_arn: str = ""
    kms_key_arns: tuple[str, ...] = ()


class Options(msgspec.Struct, frozen=True, rename="kebab"):
    """The context.

    Attributes:
        environment: ``dev``, ``staging`` or ``prod``.
        mail_from: sender of all mails, ``Name <address>``.
        link_base_url: the beginning of links in mails.
        mail_transport: ``ses``, or ``smtp``, whose URL stands in the connections secret.
        sms_transport: ``sns`` sends SMS.
        self_managed: a JSON file (:class:`SelfManaged`) in place of network, bus and data.
        kafka: MSK ``serverless``, or ``express`` (three brokers of ``broker_type``).
        broker_type: instance type of an Express broker.
        architecture: that of ``make build ARCH=...``.
        alarm_email: the address for alarms and for the budget, or empty.
        domain_name, hosted_zone_id, certificate_arn: the API's own name, in Route 53, with a
            certificate of us-east-1 (ACM), where CloudFront looks for it.
    """

    environment: Literal["dev", "staging", "prod"] = "dev"
    mail_from: str = "User Services <no-reply@example.com>"
    link_base_url: str = "https://example.com"
    mail_transport: Literal["ses", "smtp"] = "ses"
    sms_transport: Literal["none", "sns"] = "none"
    self_managed: str = ""
    kafka: Literal["serverless", "express"] = "serverless"
    broker_type: str = "express.m7g.large"
    architecture: Literal["x86_64", "arm64"] = "x86_64"
    alarm_email: str = ""
    domain_name: str = ""
    hosted_zone_id: str = ""
    certificate_arn: str = ""

    @property
    def stage(self) -> Environment:
        """The environment's numbers."""
        return ENVIRONMENTS[self.environment]

    @property
    def has_front(self) -> bool:
        """Whether CloudFront stands before the API: by the environment, or for an own name."""
        return self.stage.front or bool(self.domain_name)


def read_options(context: Callable[[str], Any]) -> Options:
    """Read the options.

    Args:
        context: CDK's ``node.try_get_context``.

    Raises:
        OptionError: a value is not allowed, or needs another one that is missing.
    """
    names = [field.encode_name for field in msgspec.structs.fields(Options)]
    given = {name: context(name) for name in names if context(name) is not None}
    options: Options = _convert(given, Options, "context")
    if options.domain_name and not (options.certificate_arn and options.hosted_zone_id):
        raise OptionError("domain-name needs certificate-arn and hosted-zone-id.")
    if options.certificate_arn and ":us-east-1:" not in options.certificate_arn:
        raise OptionError("certificate-arn: CloudFront takes a certificate of us-east-1 only.")
    if options.mail_transport == "smtp" and not options.self_managed:
        raise OptionError("mail-transport smtp needs self-managed: the network made here has no "
                          "way to a mail server.")  # fmt: skip
    return options


def read_self_managed(path: Path) -> SelfManaged:
    """Read the file that ``self-managed`` names.

    Raises:
        OptionError: the file cannot be read, or has another shape.
    """
    try:
        content = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise OptionError(f"self-managed: {path} cannot be read: {error}") from None
    own: SelfManaged = _convert(content, SelfManaged, f"self-managed: {path}")
    if len(own.vpc_subnet_ids) < 2 or not own.security_group_ids:
        raise OptionError(f"self-managed: {path}: two subnets and a security group are needed.")
    return own


def _convert(given: Any, kind: type[msgspec.Struct], where: str) -> Any:
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        raise OptionError(f"{where}: {error}") from None
