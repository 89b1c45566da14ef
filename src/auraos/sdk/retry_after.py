"""`Retry-After`: how long the other side of HTTP wants to be left alone."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

LONGEST_RETRY_AFTER = timedelta(days=1)
"""Whoever asks for more is not believed."""


def read_retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Return how long the other side wants us to wait, by headers whose names are in lower case.

    It says seconds or a date, and gets a day at most; None where it does not say.
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), LONGEST_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(text)
        sent = headers.get("date")
        start = parsedate_to_datetime(sent) if sent else now
    except (ValueError, TypeError):
        return None
    span = _with_zone(moment) - _with_zone(start)
    return min(max(span, timedelta(0)), LONGEST_RETRY_AFTER)


def _with_zone(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
