"""The site that browsers know this installation as: its origin, and the cookie that carries a session to it."""

from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

LIFE = 7 * 24 * 3600


class Site(msgspec.Struct, frozen=True):
    """An address as in `https://auraos.example.com`; without one, whatever address the browser names."""

    url: str = ""

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
            parts = urlsplit(self.url)
            return origin == f"{parts.scheme}://{parts.netloc}"
        host = headers.get("host", "")
        return bool(host) and origin in (f"http://{host}", f"https://{host}")

    def token_in(self, headers: Mapping[str, str]) -> str:
        """Return the token that the cookie carries; nothing where there is none, or more than one."""
        pairs = (
            each.strip().partition("=") for each in headers.get("cookie", "").replace(", ", "; ").split(";")
        )
        found = {value for name, _, value in pairs if name == self.cookie}
        return found.pop() if len(found) == 1 else ""

    def carry(self, token: str) -> str:
        """Return the header that lets a browser keep a token."""
        return self._set(token, LIFE)

    def clear(self) -> str:
        """Return the header that lets a browser forget the token."""
        return self._set("", 0)

    def _set(self, value: str, life: int) -> str:
        secure = "; Secure" if self.is_https else ""
        return f"{self.cookie}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={life}{secure}"
