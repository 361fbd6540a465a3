"""Which addresses are public, and that no way of writing another one makes it so."""

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from api.dialling.addresses import is_public, may_be_dialled

NOT_PUBLIC_4 = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "168.63.129.16",
]
NOT_PUBLIC_6 = [
    "::",
    "::1",
    "::ffff:8.8.8.8",
    "::8.8.8.8",
    "100::1",
    "64:ff9b:1::808:808",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%1",
    "fec0::1",
    "ff02::1",
    "2001::1",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",
    "4000::1",
]
PUBLIC = "1.1.1.1 8.8.8.8 9.255.255.255 172.15.0.1 172.32.0.1 192.0.1.1 223.255.255.255 2606:4700::1111 2a00:1450::1"
addresses_4 = st.one_of(st.sampled_from(NOT_PUBLIC_4).map(IPv4Address), st.ip_addresses(v=4))


@pytest.mark.parametrize("text", NOT_PUBLIC_4 + NOT_PUBLIC_6)
def test_special_addresses_are_not_public(text: str) -> None:
    """No address of the special-purpose registries, of multicast or of metadata services is public."""
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", [*PUBLIC.split(), "64:ff9b::8.8.8.8"])
def test_ordinary_addresses_are_public(text: str) -> None:
    """The neighbours of special networks, and NAT64 forms of public addresses, are public."""
    assert is_public(ip_address(text))


@given(address=st.one_of(addresses_4, st.ip_addresses(v=6), st.ip_addresses(network="2000::/3")))
def test_public_addresses_are_global(address: IPv4Address | IPv6Address) -> None:
    """What is public here is so for Python's own tables as well; what only they call public is known by name."""
    elsewhere = address.is_global and not address.is_multicast
    if is_public(address):
        assert elsewhere
    elif elsewhere:
        named = ("192.88.99.0/24", "168.63.129.16/32", "192.0.0.0/24")
        in_named = any(address in ip_network(text) for text in named)
        assert in_named or (address.version == 6 and address not in IPv6Network("2000::/3")) or _set_aside(address)


def _set_aside(address: IPv4Address | IPv6Address) -> bool:
    return any(address in IPv6Network(text) for text in ("2001::/23", "2002::/16", "3fff::/20"))


@given(address=addresses_4, low=st.integers(0, 2**32 - 1))
@example(address=IPv4Address("127.0.0.1"), low=0)
def test_no_form_hides_an_address(address: IPv4Address, low: int) -> None:
    """An IPv4 address in an IPv6 one is public in the NAT64 form alone, and there only if it is so by itself."""
    value = int(address)
    forms = {
        "mapped": (0xFFFF << 32) | value,
        "compatible": value,
        "translated": (0xFFFF << 48) | value,
        "6to4": (0x2002 << 112) | (value << 80) | low,
        "teredo server": (0x20010000 << 96) | (value << 64) | low,
        "teredo client": (0x20010000 << 96) | (low << 64) | (value ^ 0xFFFFFFFF),
        "local nat64": (0x64FF9B0001 << 80) | value,
        "isatap": (0xFE80 << 112) | (0x5EFE << 32) | value,
    }
    for name, number in forms.items():
        assert not is_public(IPv6Address(number)), name
    assert is_public(IPv6Address((0x64FF9B << 96) | value)) == is_public(address)


@given(address=addresses_4, data=st.data())
def test_the_resolver_sees_through_every_notation(address: IPv4Address, data: st.DataObject) -> None:
    """Decimal, octal, hexadecimal and shortened hosts are dialled, or not, as the address that they are."""
    number, parts = int(address), list(address.packed)
    write = [str, "0{:o}".format, "0x{:x}".format]
    write_one = data.draw(st.sampled_from(write))
    mixed = [data.draw(st.sampled_from(write))(part) for part in parts]
    notations = [
        write_one(number),
        ".".join(mixed),
        f"{mixed[0]}.{write_one(number & 0xFFFFFF)}",
        f"{mixed[0]}.{mixed[1]}.{write_one(number & 0xFFFF)}",
    ]
    for notation in notations:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(notation, 80, type=socket.SOCK_STREAM)}
        assert found == {str(address)}
        assert all(may_be_dialled(text, ()) == is_public(address) for text in found)


def test_the_operators_networks_are_dialled() -> None:
    """A network on the operator's list may be dialled, and its neighbours still may not."""
    allowed = (ip_network("10.1.0.0/16"), ip_network("fd00:1::/64"))
    assert may_be_dialled("10.1.2.3", allowed)
    assert may_be_dialled("fd00:1::5", allowed)
    assert not may_be_dialled("10.2.0.1", allowed)
    assert not may_be_dialled("::ffff:10.1.2.3", allowed)
    assert not may_be_dialled("no address", allowed)
