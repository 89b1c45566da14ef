"""Functions over dates: the run's clock, reading and making dates, durations."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from auraos.core.expressions.dates import find_zone, read_date
from auraos.core.expressions.errors import CallError
from auraos.core.expressions.meter import meter_of
from auraos.core.expressions.registry import Library, Number, Scope
from auraos.core.values import parse_datetime as read_moment
from auraos.core.values import parse_duration

DATES = Library("dates")


@DATES.function()
def now(scope: Scope, zone: str | None = None) -> datetime:
    """Return the time of this evaluation, in the time zone of the workflow or in another one: the same for every call
    in it, and again when the run is replayed.

    >>> now() >= datetime("2000-01-01T00:00:00Z")
    true
    """
    return _clock(scope, zone)


@DATES.function()
def today(scope: Scope, zone: str | None = None) -> date:
    """Return the day that it is in a time zone; that of the workflow when left out.

    >>> today("Europe/Berlin") == now("Europe/Berlin").date()
    true
    """
    return _clock(scope, zone).date()


def _clock(scope: Scope, zone: str | None) -> datetime:
    moment = scope.get("$now")
    if callable(moment):
        moment = moment()
    if not isinstance(moment, datetime):
        raise CallError("no-clock", "There is no time here.", "Give the time as a value.")
    return moment.astimezone(find_zone(zone)) if zone else moment


@DATES.function()
def date_(value: str | date | datetime | int, month: int | None = None, day: int | None = None) -> date:
    """Return a date: of a text such as 2026-11-20, of a datetime, or of year, month and day.

    >>> date("2026-11-20") == date(2026, 11, 20)
    true
    """
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, int) and (month is None or day is None):
        raise CallError(
            "wrong-arguments", "A date is made of year, month and day.", "Write date(2026, 11, 20)."
        )
    try:
        if isinstance(value, int):
            return date(value, month or 0, day or 0)
        text = value.strip()
        return date.fromisoformat(text if len(text) == 10 else "")
    except (ValueError, OverflowError):
        raise CallError("no-date", f"{str(value)[:40]!r} is no date.", "Write it as 2026-11-20.") from None


@DATES.function()
def datetime_(value: str | date | datetime, zone: str | None = None) -> datetime:
    """Return a point in time: of a text such as 2026-11-20T17:30:00Z, or of a date at its start in a zone.
    The zone also stands where the text names none.

    >>> datetime("2026-11-20T17:30:00", zone="Europe/Berlin") == datetime("2026-11-20T16:30:00Z")
    true
    """
    if isinstance(value, datetime):
        return value.astimezone(find_zone(zone)) if zone else value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=find_zone(zone) if zone else UTC)
    text = value.strip()
    if zone is None or len(text) > 60:
        return read_moment(text[:60])
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return read_moment(text)
    return (
        moment.replace(tzinfo=find_zone(zone))
        if moment.tzinfo is None
        else moment.astimezone(find_zone(zone))
    )


@DATES.function()
def duration(value: str | timedelta | None = None, days: Number = 0, hours: Number = 0, minutes: Number = 0,
             seconds: Number = 0) -> timedelta:  # fmt: skip
    """Return a duration: of a text such as 1h30m, or of days, hours, minutes and seconds.

    >>> duration("1h30m") == duration(minutes=90)
    true
    """
    base = parse_duration(value.strip()) if isinstance(value, str) else value or timedelta()
    try:
        return base + timedelta(
            days=float(days), hours=float(hours), minutes=float(minutes), seconds=float(seconds)
        )
    except OverflowError:
        raise CallError("out-of-range", "This duration is too long.") from None


@DATES.function()
def parse_date(text: str, pattern: str) -> date:
    """Return the date that a text written by a pattern names.

    >>> parse_date("20.11.2026", "%d.%m.%Y")
    date("2026-11-20")
    """
    return read_date(text.strip(), pattern, "UTC").date()


@DATES.function()
def parse_datetime(text: str, pattern: str, zone: str | None = None) -> datetime:
    """Return the point in time that a text written by a pattern names; the zone stands where the text says none.

    >>> parse_datetime("20.11.2026 17:30", "%d.%m.%Y %H:%M", zone="UTC")
    datetime("2026-11-20T17:30:00Z")
    """
    return read_date(text.strip(), pattern, zone)


@DATES.function()
def from_timestamp(seconds: Number, zone: str = "UTC") -> datetime:
    """Return the point in time so many seconds after 1970-01-01T00:00:00Z.

    >>> from_timestamp(0)
    datetime("1970-01-01T00:00:00Z")
    """
    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=float(seconds))).astimezone(
            find_zone(zone)
        )
    except OverflowError:
        raise CallError("out-of-range", "This is before the year 1 or after the year 9999.") from None


@DATES.function()
def date_range(scope: Scope, start: date, end: date, days: int = 1) -> list[Any]:
    """Return the dates from one to another, both included, in steps of days.

    >>> len(date_range(date("2026-02-01"), date("2026-02-28")))
    28
    """
    if days < 1:
        raise CallError("out-of-range", "date_range() goes in steps of one day or more.")
    count = (end - start).days // days + 1
    meter_of(scope).spend(max(0, count))
    return [start + timedelta(days=days * index) for index in range(count)]
