"""The site that browsers know this installation as: its origin, and the cookie that carries a session to it."""

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

import msgspec

LIFE = 90 * 24 * 3600
"""For so long a browser keeps the cookie; the session that it carries is over sooner."""
FLOW_LIFE = 600


class Site(msgspec.Struct, frozen=True):
    """An address as in `https://auraos.example.com`; without one, whatever address the browser names."""

    url: str = ""
    proxies: tuple[str, ...] = ()
    """The networks of the proxies in front of it, as in `10.0.0.0/8`: what they say of an address is believed."""

    @property
    def is_https(self) -> bool:
        """Return whether browsers reach it encrypted, and so may be told to send the cookie no other way."""
        return self.url.startswith("https://")

    @property
    def cookie(self) -> str:
        """Return the name of the cookie; encrypted, one that no neighbour of this host can set."""
        return "__Host-auraos-session" if self.is_https else "auraos-session"

    def is_own(self, origin: str, headers: Mapping[str, str]) -> bool:
        """Return whether a page of this origin is a page of ours."""
        if self.url:
            return origin == self.origin(headers)
        host = headers.get("host", "")
        return bool(host) and origin in (f"http://{host}", f"https://{host}")

    def origin(self, headers: Mapping[str, str]) -> str:
        """Return the origin of our pages, as the browser that asks names it where none is set."""
        if self.url:
            parts = urlsplit(self.url)
            return f"{parts.scheme}://{parts.netloc}"
        return headers.get("origin") or f"http://{headers.get('host', '')}"

    def address_of(self, peer: str, headers: Mapping[str, str]) -> str:
        """Return the address that somebody asks from: of the connection, or what our own proxies say of it."""
        address = peer
        for told in reversed(headers.get("x-forwarded-for", "").split(",")):
            if not _is_in(address, self.proxies):
                break
            address = _address(told.strip()) or address
        return address

    def token_in(self, headers: Mapping[str, str]) -> str:
        """Return the token that the cookie carries; nothing where there is none, or more than one."""
        return self._in(headers, self.cookie)

    def carry(self, token: str) -> str:
        """Return the header that lets a browser keep a token."""
        return self._set(self.cookie, token, LIFE)

    def clear(self) -> str:
        """Return the header that lets a browser forget the token."""
        return self._set(self.cookie, "", 0)

    def flow_in(self, headers: Mapping[str, str]) -> str:
        """Return what a browser keeps while it is elsewhere to be vouched for."""
        return self._in(headers, self.flow_cookie)

    def carry_flow(self, flow: str) -> str:
        """Return the header that lets a browser keep it for some minutes."""
        return self._set(self.flow_cookie, flow, FLOW_LIFE)

    @property
    def flow_cookie(self) -> str:
        """Return the name of the cookie of a browser that is elsewhere to be vouched for."""
        return self.cookie.replace("session", "flow")

    def _in(self, headers: Mapping[str, str], wanted: str) -> str:
        pairs = (
            each.strip().partition("=") for each in headers.get("cookie", "").replace(", ", "; ").split(";")
        )
        found = {value for name, _, value in pairs if name == wanted}
        return found.pop() if len(found) == 1 else ""

    def _set(self, name: str, value: str, life: int) -> str:
        secure = "; Secure" if self.is_https else ""
        return f"{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={life}{secure}"


def _is_in(address: str, networks: tuple[str, ...]) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in _networks(networks))


@lru_cache(maxsize=8)
def _networks(networks: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(network) for network in networks)


def _address(text: str) -> str:
    """Return an address as it is written by all, nothing for what is none."""
    try:
        return str(ip_address(text))
    except ValueError:
        return ""
