"""The mail server, as the setting SMTP_URL names it."""

from __future__ import annotations

from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from shared.config.settings import SettingsError

Tls = Literal["none", "starttls", "implicit"]
_PORTS: dict[Tls, int] = {"none": 25, "starttls": 587, "implicit": 465}


class SmtpServer(msgspec.Struct, frozen=True, kw_only=True):
    """A mail server: its address, its kind of TLS, and the login."""

    host: str
    port: int
    tls: Tls
    user: str
    password: str

    @classmethod
    def from_url(cls, url: str) -> SmtpServer:
        """Read ``smtp://user:pass@host:port?starttls=true`` or ``smtps://…``.

        Raises:
            SettingsError: the URL is not valid, or would send a password in the clear. It is
                not shown.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
            query = parse_qs(parts.query, strict_parsing=bool(parts.query))
        except ValueError:
            raise SettingsError("SMTP_URL is not a URL.") from None
        tls = _tls(parts.scheme, query)
        if not parts.hostname:
            raise SettingsError("SMTP_URL has no host.")
        if parts.username and tls == "none":
            raise SettingsError("SMTP_URL has a password: use smtps:// or ?starttls=true.")
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        if not (user + password).isascii():
            # smtplib's limit.
            raise SettingsError("SMTP_URL has a user or a password beyond ASCII.")
        return cls(
            host=parts.hostname, port=port or _PORTS[tls], tls=tls, user=user, password=password
        )


def _tls(scheme: str, query: dict[str, list[str]]) -> Tls:
    match scheme, query:
        case "smtp", {"starttls": ["true"]} if len(query) == 1:
            return "starttls"
        case "smtp", {} if query in ({}, {"starttls": ["false"]}):
            return "none"
        case "smtps", {} if not query:
            return "implicit"
    raise SettingsError("SMTP_URL is neither smtp://…, smtp://…?starttls=true nor smtps://….")
