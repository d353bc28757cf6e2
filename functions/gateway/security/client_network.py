"""What counts as one client: an address, or a household's network."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

_HOME_NETWORK_BITS = 64


def network_of(address: str) -> str:
    """Return the client of an address: of IPv6 the /64 network, which is one household."""
    try:
        ip = ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(ip, IPv6Address) and not ip.ipv4_mapped:
        return f"{IPv6Address(int(ip) >> _HOME_NETWORK_BITS << _HOME_NETWORK_BITS)}"
    return address
