"""Routes that are on their way out: since when nobody is to begin with one, and when it may be gone (RFC 9745, RFC 8594)."""

from datetime import UTC, date, datetime, time
from email.utils import format_datetime

import msgspec


class Deprecated(msgspec.Struct, frozen=True, kw_only=True):
    """When a route became one that nobody is to begin with, when it may be gone, and the path that takes its place."""

    since: date
    until: date | None = None
    instead: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """Return what every answer of the route says of it."""
        told = {"deprecation": f"@{int(_midnight(self.since).timestamp())}"}
        if self.until is not None:
            told["sunset"] = format_datetime(_midnight(self.until), usegmt=True)
        if self.instead:
            told["link"] = f'<{self.instead}>; rel="successor-version"'
        return told


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
