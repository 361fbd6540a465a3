"""Which addresses the service may dial on behalf of a stranger: the public ones, and what the operator adds."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Of IPv4, all is public but this: the IANA special-purpose registry (RFC 6890 and its successors), multicast,
# and one public address behind which a cloud's own machinery stands.
_NOT_PUBLIC_4 = [
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's agent
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved, broadcast
    )
]
# Of IPv6, nothing is public but global unicast, less what IANA has set aside in it: among that Teredo and 6to4,
# which carry an IPv4 address. Forms outside of it (mapped, compatible, NAT64) do so too, and are not public either.
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = [IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")]
# DNS64 (RFC 6147) gives these for hosts that have IPv4 alone: as public as the address within.
_NAT64 = IPv6Network("64:ff9b::/96")


def may_be_dialled(text: str, allowed: Sequence[Network]) -> bool:
    """Whether an address as the resolver gives it is public, or in one of the operator's networks."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return any(address in network for network in allowed) or is_public(address)


def is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    if address.scope_id is not None:
        return False
    if address in _NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    return address in _GLOBAL_UNICAST and not any(address in network for network in _NOT_PUBLIC_6)
