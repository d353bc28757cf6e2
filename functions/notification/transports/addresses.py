"""E-mail addresses: which are valid, and their forms on the wire and in a log."""

from __future__ import annotations

import re
from email.headerregistry import Address

from shared.contract.errors import BadMessage

# RFC 5322 dot-atom, with RFC 6531's characters beyond ASCII. Quoted local parts are refused: no
# user has one, and their quoting can make one address look like two.
_ATOM = r"[\w!#$%&'*+/=?^`{|}~\x80-\U0010ffff-]+"
_LOCAL_PART = re.compile(rf"{_ATOM}(\.{_ATOM})*")
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_LOCAL_PART_OCTETS = 64  # RFC 5321, 4.5.3.1.1
_DOMAIN_OCTETS = 255  # RFC 5321, 4.5.3.1.2


def mailbox(address: str, display_name: str = "") -> Address:
    """Return a parsed address to send to.

    The domain is turned into its ASCII form (IDNA 2008); a local part beyond ASCII stays as it is
    and needs SMTPUTF8 (RFC 6531).

    Raises:
        BadMessage: nothing can be sent to it. The address is not shown.
    """
    local, _, domain = address.rpartition("@")
    host = _ascii_domain(domain)
    if (
        not address.isprintable()
        or not _LOCAL_PART.fullmatch(local)
        or len(local.encode()) > _LOCAL_PART_OCTETS
        or not _HOST_NAME.fullmatch(host)
        or len(host) > _DOMAIN_OCTETS
    ):
        raise BadMessage("The e-mail address cannot be written to.")
    return Address(" ".join(display_name.split()), local, host)


def masked(address: str) -> str:
    """Return ``zoe@example.com`` as ``z***@example.com``.

    That is enough to recognize an address, and too little to collect it.
    """
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}***@{domain}"


def masked_phone(number: str) -> str:
    """Return ``+491711234567`` as ``***67``."""
    return f"***{number[-2:]}"


def _ascii_domain(domain: str) -> str:
    if domain.isascii():
        return domain.lower()
    import idna  # its tables are only read for the few domains that need them

    try:
        return idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        raise BadMessage("The domain of the e-mail address is not valid.") from None
