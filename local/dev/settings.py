"""The ports of ``make dev``, and whether they can be had."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from local import ports

Port = Annotated[int, Meta(ge=1, le=65535)]

# A person types none of these: when one is taken, another does as well.
_POSTGRES_PORT = 54320
_REDIS_PORT = 63790


class PortInUse(Exception):
    """A port is in use. The message names the variable that chooses another."""


class DevSettings(msgspec.Struct, frozen=True, rename=str.upper, kw_only=True):
    """The variables that ``make dev`` reads.

    Attributes:
        port: of the API.
        inbox_port: of the page with the mails.
        smtp_port: that mail is sent to.
        postgres_port, redis_port: when not given, 54320 and 63790, or any that is free.
        kafka: ``embedded`` (librdkafka's mock cluster), or ``apache``, which needs Java and Maven
            and keeps its records over a restart.
    """

    port: Port = 3000
    inbox_port: Port = 8025
    smtp_port: Port = 1025
    postgres_port: Port | None = None
    redis_port: Port | None = None
    kafka: Literal["embedded", "apache"] = "embedded"


class Ports(NamedTuple):
    """A port for each server; the broker chooses its own."""

    api: int
    inbox: int
    smtp: int
    postgres: int
    redis: int


def choose(settings: DevSettings) -> Ports:
    """Choose the ports.

    Raises:
        PortInUse: one that was asked for is taken.
    """
    return Ports(
        api=_checked("PORT", settings.port),
        inbox=_checked("INBOX_PORT", settings.inbox_port),
        smtp=_checked("SMTP_PORT", settings.smtp_port),
        postgres=_found("POSTGRES_PORT", settings.postgres_port, _POSTGRES_PORT),
        redis=_found("REDIS_PORT", settings.redis_port, _REDIS_PORT),
    )


def _checked(variable: str, port: int) -> int:
    if ports.is_free(port):
        return port
    raise PortInUse(
        f"Port {port} is in use. Stop what listens there, or choose another: "
        f"{variable}={_next_free(port)} make dev"
    )


def _found(variable: str, asked: int | None, usual: int) -> int:
    if asked is not None:
        return _checked(variable, asked)
    return usual if ports.is_free(usual) else ports.any_free()


def _next_free(port: int) -> int:
    near = range(port + 1, min(port + 20, 65536))
    return next(filter(ports.is_free, near), None) or ports.any_free()
