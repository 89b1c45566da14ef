"""Which addresses a step may reach: the public ones, and what the operator opened. Addresses hide within addresses, so
each is unwrapped first (mapped, NAT64, 6to4, Teredo and their like), and all that is found must be public."""

from ipaddress import (
    AddressValueError,
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    NetmaskValueError,
    ip_address,
    ip_network,
)
from typing import TypeAlias

import msgspec

from auraos.core.errors import UserError

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

# The registries of special addresses as of 2026, written out: what `ipaddress` says differs between versions of Python.
_SPECIAL = tuple(
    ip_network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24"),
        *("192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
        *("224.0.0.0/4", "240.0.0.0/4"),
        *(
            "::/127",
            "64:ff9b:1::/48",
            "100::/64",
            "100:0:0:1::/64",
            "2001::/23",
            "2001:db8::/32",
            "2620:4f:8000::/48",
        ),
        *("3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
    )
)
_TEREDO = ip_network("2001::/32")
_METADATA = frozenset(
    ip_address(text)
    for text in (
        *("169.254.169.254", "169.254.170.2", "169.254.170.23", "169.254.169.123", "169.254.169.253"),
        *("192.0.0.192", "100.100.100.200", "168.63.129.16", "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254"),
    )
)
METADATA_NAMES = frozenset(("metadata", "metadata.google.internal", "metadata.goog", "instance-data"))


def why_refused(address: Address) -> str:
    """Say why an address is not public, in a few words; "" when it is."""
    for inner in unwrap(address):
        if inner in _METADATA:
            return "it is the metadata service of a cloud"
        if inner.is_loopback:
            return "it is this machine itself"
        if inner.is_multicast or any(
            inner in network for network in _SPECIAL if network.version == inner.version
        ):
            return "it is not a public address"
        if inner != address and not inner.is_global:
            return "it is not a public address"
    outer_is_tunnel = len(unwrap(address)) > 1
    return "" if outer_is_tunnel or address.is_global else "it is not a public address"


def is_metadata(address: Address) -> bool:
    """Return whether an address, or one hidden in it, is the metadata service of a cloud."""
    return any(inner in _METADATA for inner in unwrap(address))


def unwrap(address: Address) -> tuple[Address, ...]:
    """Return an address (unless it only wraps another one) and the addresses that are hidden in it."""
    if isinstance(address, IPv4Address):
        return (address,)
    plain = IPv6Address(int(address))  # without a zone, as in fe80::1%eth0
    if plain.ipv4_mapped:
        return (plain.ipv4_mapped,)
    number = int(plain)
    low = IPv4Address(number & 0xFFFFFFFF)
    hidden: list[Address] = []
    if number >> 32 == 0 and number > 1:  # ::a.b.c.d, long out of use
        hidden.append(low)
    if number >> 32 in (0xFFFF << 16, 0x64FF9B << 64):  # ::ffff:0:a.b.c.d and NAT64
        hidden.append(low)
    if number >> 80 == 0x64FF9B0001:  # NAT64 of a local network, its prefix of any length
        hidden.append(low)
    if number >> 112 == 0x2002:
        hidden.append(IPv4Address((number >> 80) & 0xFFFFFFFF))
    if plain in _TEREDO and plain.teredo:
        hidden.extend(plain.teredo)
    if (number >> 32) & 0xFCFFFFFF == 0x00005EFE:  # ISATAP, within any prefix
        hidden.append(low)
    return (plain, *hidden)


class OpeningRefusedError(UserError):
    """What should be opened is neither HOST:PORT nor NETWORK:PORT."""

    code = "opening-refused"


class Opening(msgspec.Struct, frozen=True):
    """A private destination that the operator opened: a host's name or a network, and a port or all ports (0)."""

    name: str
    network: Network | None
    port: int

    def covers_name(self, host: str, port: int) -> bool:
        """Return whether this opens a host by its name."""
        return self.network is None and self.name == normal_host(host) and self.port in (0, port)

    def covers_address(self, address: Address, port: int) -> bool:
        """Return whether this opens an address; a metadata service is opened only by its very address."""
        if self.network is None or self.port not in (0, port):
            return False
        inner = unwrap(address)[0]
        if inner.version != self.network.version or inner not in self.network:
            return False
        return self.network.num_addresses == 1 or not is_metadata(address)


def parse_opening(text: str) -> Opening:
    """Read `HOST:PORT`, `10.0.0.0/8:443` or `[::1]:8080`; `*` opens all ports."""
    host, colon, port_text = text.strip().rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    port = 0 if port_text == "*" else int(port_text) if port_text.isascii() and port_text.isdigit() else -1
    if not colon or not host or not (port_text == "*" or 0 < port < 65536):
        raise OpeningRefusedError(
            f"{text!r} says nothing that could be opened.",
            hint="Write HOST:PORT, 10.0.0.0/8:443 or [::1]:8080; * as the port opens all ports.",
        )
    try:
        network = ip_network(host, strict=False)
    except (AddressValueError, NetmaskValueError, ValueError):
        if "/" in host or " " in host:
            raise OpeningRefusedError(f"{host!r} is neither a host nor a network.") from None
        return Opening(normal_host(host), None, port)
    return Opening("", network, port)


def normal_host(host: str) -> str:
    """Return a host's name as it is compared: lower case, without a last dot."""
    return host.lower().rstrip(".")
