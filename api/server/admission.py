"""How many connections there may be at a time: in all, and from one address."""

from collections import Counter
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network


def as_told(proxies: Sequence[Network]) -> list[str]:
    """The networks, those of IPv4 also as a socket tells them that listens for both kinds."""
    mapped = [f"::ffff:{one.network_address}/{96 + one.prefixlen}" for one in proxies if isinstance(one, IPv4Network)]
    return [*map(str, proxies), *mapped]


class Admission:
    """Counts who is in. The addresses of proxies are many clients', and only the whole counts for them."""

    def __init__(self, most: int, most_of_one: int, proxies: Sequence[Network] = ()) -> None:
        self._most, self._most_of_one, self._proxies = most, most_of_one, proxies
        self._inside: Counter[str] = Counter()
        self.count = 0
        self.most_lately = 0
        """The most at a time since somebody has looked, and set it back."""

    def enter(self, address: str) -> str | None:
        """Whom to name when leaving; None if there is no room, for anybody or for this address."""
        who = self._who(address)
        if self.count >= self._most or (who and self._inside[who] >= self._most_of_one):
            return None
        self.count += 1
        self.most_lately = max(self.most_lately, self.count)
        self._inside[who] += 1
        return who

    def leave(self, who: str) -> None:
        self.count -= 1
        self._inside[who] -= 1
        if not self._inside[who]:
            del self._inside[who]

    def _who(self, address: str) -> str:
        """Who is counted as one: an IPv4 address, an IPv6 network of 64 bits (one host's own), or "" for proxies, and
        for who has none: a connection that was reset before it was accepted.
        """
        if not address or (not self._proxies and ":" not in address):
            return address
        ip = ip_address(address.partition("%")[0])
        if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:  # at a socket that listens for both kinds
            ip = ip.ipv4_mapped
        if any(ip in network for network in self._proxies):
            return ""
        return str(IPv6Network((int(ip) >> 64 << 64, 64))) if isinstance(ip, IPv6Address) else str(ip)
