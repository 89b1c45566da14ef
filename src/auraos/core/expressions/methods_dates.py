"""Methods of dates, datetimes and durations. Adding days keeps the time on the clock; adding a duration counts hours."""

import calendar
from datetime import date, datetime, timedelta
from typing import Any

from auraos.core.expressions.comparisons import instant
from auraos.core.expressions.dates import find_zone, write_date
from auraos.core.expressions.errors import CallError
from auraos.core.expressions.meter import meter_of
from auraos.core.expressions.registry import Library, Scope
from auraos.core.values import format_datetime, format_duration

DATE_METHODS = Library("dates")
_UNITS = ("year", "quarter", "month", "week", "day", "hour", "minute")


@DATE_METHODS.method(date, datetime)
def year(value: date) -> int:
    """Return the year.

    >>> date("2026-11-20").year()
    2026
    """
    return value.year


@DATE_METHODS.method(date, datetime)
def month(value: date) -> int:
    """Return the month, 1 to 12.

    >>> date("2026-11-20").month()
    11
    """
    return value.month


@DATE_METHODS.method(date, datetime)
def day(value: date) -> int:
    """Return the day of the month.

    >>> date("2026-11-20").day()
    20
    """
    return value.day


@DATE_METHODS.method(date, datetime)
def quarter(value: date) -> int:
    """Return the quarter of the year, 1 to 4.

    >>> date("2026-11-20").quarter()
    4
    """
    return (value.month + 2) // 3


@DATE_METHODS.method(date, datetime)
def weekday(value: date) -> int:
    """Return the day of the week, Monday 1 to Sunday 7.

    >>> date("2026-11-20").weekday()
    5
    """
    return value.isoweekday()


@DATE_METHODS.method(date, datetime)
def is_weekend(value: date) -> bool:
    """Return whether it is a Saturday or Sunday.

    >>> date("2026-11-21").is_weekend()
    true
    """
    return value.isoweekday() > 5


@DATE_METHODS.method(date, datetime)
def week(value: date) -> int:
    """Return the week of the year by ISO 8601.

    >>> date("2026-11-20").week()
    47
    """
    return value.isocalendar().week


@DATE_METHODS.method(date, datetime)
def format_(scope: Scope, value: date, pattern: str) -> str:
    """Return the date written by a pattern: %Y %m %d %H %M %S, %A and %B for names of days and months, %V for the week.

    >>> date("2026-11-20").format("%A, %d.%m.%Y")
    "Friday, 20.11.2026"
    """
    return write_date(value, pattern, meter_of(scope))


@DATE_METHODS.method(date, datetime)
def iso(value: date) -> str:
    """Return the date or point in time as RFC 3339 writes it.

    >>> datetime("2026-11-20T17:30:00+00:00").iso()
    "2026-11-20T17:30:00Z"
    """
    return format_datetime(value) if isinstance(value, datetime) else value.isoformat()


@DATE_METHODS.method(date, datetime, like="self")
def add(value: Any, days: int = 0, weeks: int = 0, months: int = 0, years: int = 0) -> Any:
    """Return the date so many days, weeks, months or years later (earlier, for negative numbers). The last day of a month
    is kept within a shorter one; a datetime keeps its time on the clock.

    >>> date("2026-01-31").add(months=1)
    date("2026-02-28")
    """
    count = value.year * 12 + value.month - 1 + months + 12 * years
    target_year, target_month = divmod(count, 12)
    if not 1 <= target_year <= 9999:
        raise _out_of_range()
    try:
        last = calendar.monthrange(target_year, target_month + 1)[1]
        moved = value.replace(year=target_year, month=target_month + 1, day=min(value.day, last))
        return moved + timedelta(days=days, weeks=weeks)
    except OverflowError:
        raise _out_of_range() from None


def _out_of_range() -> CallError:
    return CallError("out-of-range", "This is before the year 1 or after the year 9999.")


@DATE_METHODS.method(date, datetime, like="self")
def start_of(value: Any, unit: str) -> Any:
    """Return the first day, or first moment, of the year, quarter, month, week, day, hour or minute.

    >>> date("2026-11-20").start_of("month")
    date("2026-11-01")
    """
    if unit not in _UNITS:
        raise CallError("unknown-unit", f"There is no unit {unit[:40]!r}.", f"Known are {', '.join(_UNITS)}.")
    if isinstance(value, datetime):
        value = value.replace(second=0, microsecond=0)
        if unit == "minute":
            return value
        value = value.replace(minute=0)
        if unit == "hour":
            return value
        value = value.replace(hour=0)
    elif unit in ("hour", "minute"):
        raise CallError("unknown-unit", f"A date has no {unit}.", "Use a datetime.")
    match unit:
        case "year":
            return value.replace(month=1, day=1)
        case "quarter":
            return value.replace(month=value.month - (value.month - 1) % 3, day=1)
        case "month":
            return value.replace(day=1)
        case "week":
            return add(value, days=1 - value.isoweekday())
    return value


@DATE_METHODS.method(date)
def end_of(value: date, unit: str) -> date:
    """Return the last day of the year, quarter, month or week.

    >>> date("2026-02-03").end_of("month")
    date("2026-02-28")
    """
    start = start_of(value, unit)
    steps = {
        "year": {"years": 1},
        "quarter": {"months": 3},
        "month": {"months": 1},
        "week": {"weeks": 1},
        "day": {"days": 1},
    }
    return add(add(start, **steps[unit]), days=-1)  # type: ignore[no-any-return]


@DATE_METHODS.method(date)
def at(value: date, time: str, zone: str) -> datetime:
    """Return the point in time when clocks in a zone show this time on this day.

    >>> date("2026-11-20").at("17:30", "Europe/Berlin")
    datetime("2026-11-20T16:30:00Z")
    """
    parts = time.split(":")
    if not 2 <= len(parts) <= 3 or not all(
        part.isascii() and part.isdigit() and len(part) == 2 for part in parts
    ):
        raise CallError("no-time", f"{time[:20]!r} is no time.", "Write it as 17:30.")
    hour, minute, second = (*map(int, parts), 0)[:3]
    if hour > 23 or minute > 59 or second > 59:
        raise CallError("no-time", f"{time[:20]!r} is no time of a day.")
    return datetime(value.year, value.month, value.day, hour, minute, second, tzinfo=find_zone(zone))


@DATE_METHODS.method(date)
def days_until(value: date, other: date) -> int:
    """Return how many days lie between two dates.

    >>> date("2026-11-20").days_until(date("2026-12-24"))
    34
    """
    return (other - value).days


@DATE_METHODS.method(datetime)
def hour(value: datetime) -> int:
    """Return the hour, 0 to 23, in the value's zone.

    >>> datetime("2026-11-20T17:30:05Z").hour()
    17
    """
    return value.hour


@DATE_METHODS.method(datetime)
def minute(value: datetime) -> int:
    """Return the minute.

    >>> datetime("2026-11-20T17:30:05Z").minute()
    30
    """
    return value.minute


@DATE_METHODS.method(datetime)
def second(value: datetime) -> int:
    """Return the second.

    >>> datetime("2026-11-20T17:30:05Z").second()
    5
    """
    return value.second


@DATE_METHODS.method(datetime)
def date_(value: datetime) -> date:
    """Return the day that it is in the value's zone.

    >>> datetime("2026-11-20T23:30:00Z").in_zone("Europe/Berlin").date()
    date("2026-11-21")
    """
    return value.date()


@DATE_METHODS.method(datetime)
def time(value: datetime) -> str:
    """Return the time on the clock as text.

    >>> datetime("2026-11-20T17:30:05Z").time()
    "17:30:05"
    """
    return f"{value.hour:02}:{value.minute:02}:{value.second:02}"


@DATE_METHODS.method(datetime)
def in_zone(value: datetime, zone: str) -> datetime:
    """Return the same moment as clocks in another zone show it.

    >>> datetime("2026-07-01T12:00:00Z").in_zone("Europe/Berlin").hour()
    14
    """
    return value.astimezone(find_zone(zone))


@DATE_METHODS.method(datetime)
def timestamp(value: datetime) -> float:
    """Return the seconds since 1970-01-01T00:00:00Z.

    >>> datetime("1970-01-02T00:00:00Z").timestamp()
    86400.0
    """
    return instant(value).total_seconds()


@DATE_METHODS.method(timedelta)
def seconds(value: timedelta) -> float:
    """Return the whole duration in seconds.

    >>> duration("1m30s").seconds()
    90.0
    """
    return value.total_seconds()


@DATE_METHODS.method(timedelta)
def minutes(value: timedelta) -> float:
    """Return the whole duration in minutes.

    >>> duration("1h30m").minutes()
    90.0
    """
    return value.total_seconds() / 60


@DATE_METHODS.method(timedelta)
def hours(value: timedelta) -> float:
    """Return the whole duration in hours.

    >>> duration("1d").hours()
    24.0
    """
    return value.total_seconds() / 3600


@DATE_METHODS.method(timedelta)
def days(value: timedelta) -> float:
    """Return the whole duration in days.

    >>> duration("36h").days()
    1.5
    """
    return value.total_seconds() / 86400


@DATE_METHODS.method(timedelta)
def text(value: timedelta) -> str:
    """Return the duration as people write it.

    >>> duration(minutes=90).text()
    "1h30m"
    """
    return format_duration(value)
