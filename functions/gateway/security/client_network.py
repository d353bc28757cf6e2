"""Who counts as one client: an address, or a household's network."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

_HOME_NETWORK_BITS = 64


def network_of(address: str) -> str:
    """One household is one client: of an IPv6 address the network counts, not the host."""
    try:
        ip = ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(ip, IPv6Address) and not ip.ipv4_mapped:
        return f"{IPv6Address(int(ip) >> _HOME_NETWORK_BITS << _HOME_NETWORK_BITS)}"
    return address
