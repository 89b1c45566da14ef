"""Dates as people write them: patterns such as `%d.%m.%Y`, written and read without a locale, and named time zones."""

import re
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from auraos.core.expressions.errors import CallError
from auraos.core.expressions.meter import Meter

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
          "December")  # fmt: skip

_MARK = re.compile(r"%(.?)", re.DOTALL)
_ZONE_NAME = re.compile(r"[A-Za-z0-9_+\-]+(?:/[A-Za-z0-9_+\-]+){0,2}", re.ASCII)
_READ = {
    "Y": r"(?P<Y>[0-9]{4})", "m": r"(?P<m>[0-9]{1,2})", "d": r"(?P<d>[0-9]{1,2})", "H": r"(?P<H>[0-9]{1,2})",
    "M": r"(?P<M>[0-9]{1,2})", "S": r"(?P<S>[0-9]{1,2})", "f": r"(?P<f>[0-9]{1,6})", "y": r"(?P<y>[0-9]{2})",
    "z": r"(?P<z>Z|[+-][0-9]{2}:?[0-9]{2})", "b": rf"(?P<b>{'|'.join(month[:3] for month in MONTHS)})",
    "B": rf"(?P<B>{'|'.join(MONTHS)})", "p": r"(?P<p>AM|PM|am|pm)", "I": r"(?P<I>[0-9]{1,2})", "%": "%",
}  # fmt: skip
MAX_PATTERN = 200
_PART_STEPS = 16


def find_zone(name: str) -> ZoneInfo:
    """Return the time zone of a name such as Europe/Berlin."""
    if len(name) <= 60 and _ZONE_NAME.fullmatch(name):
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass
    raise CallError(
        "unknown-zone", f"There is no time zone {name[:60]!r}.", "Write a name such as Europe/Berlin or UTC."
    )


def write_date(value: date, pattern: str, meter: Meter) -> str:
    """Return a date or datetime written by a pattern."""
    if len(pattern) > MAX_PATTERN:
        raise CallError("bad-format", f"A date's pattern has at most {MAX_PATTERN} characters.")
    meter.spend(_PART_STEPS * pattern.count("%"))
    moment = value if isinstance(value, datetime) else None
    return _MARK.sub(lambda mark: _write_part(value, moment, mark[1]), pattern)


def _write_part(value: date, moment: datetime | None, letter: str) -> str:
    parts = {
        "Y": lambda: f"{value.year:04}", "y": lambda: f"{value.year % 100:02}", "m": lambda: f"{value.month:02}",
        "d": lambda: f"{value.day:02}", "j": lambda: f"{value.timetuple().tm_yday:03}", "B": lambda: MONTHS[value.month - 1],
        "b": lambda: MONTHS[value.month - 1][:3], "A": lambda: DAYS[value.weekday()], "a": lambda: DAYS[value.weekday()][:3],
        "u": lambda: str(value.isoweekday()), "V": lambda: f"{value.isocalendar().week:02}",
        "G": lambda: f"{value.isocalendar().year:04}", "%": lambda: "%",
        "F": value.isoformat if moment is None else moment.date().isoformat,
    }  # fmt: skip
    if letter in parts:
        return parts[letter]()
    if moment is not None:
        hour = moment.hour % 12 or 12
        times = {
            "H": f"{moment.hour:02}", "M": f"{moment.minute:02}", "S": f"{moment.second:02}", "f": f"{moment.microsecond:06}",
            "I": f"{hour:02}", "p": "AM" if moment.hour < 12 else "PM", "z": _offset(moment), "Z": moment.tzname() or "",
            "T": f"{moment.hour:02}:{moment.minute:02}:{moment.second:02}",
        }  # fmt: skip
        if letter in times:
            return times[letter]
    kind = "a date" if moment is None else "a datetime"
    raise CallError(
        "bad-format", f"%{letter} cannot be written for {kind}.", "Write for instance %d.%m.%Y or %H:%M."
    )


def _offset(moment: datetime) -> str:
    minutes = (moment.utcoffset() or timedelta()) // timedelta(minutes=1)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def read_date(text: str, pattern: str, zone: str | None) -> datetime:
    """Return the moment that a text written by a pattern names; the zone stands where the text says none."""
    if len(pattern) > MAX_PATTERN or len(text) > MAX_PATTERN:
        raise CallError("bad-format", f"A date and its pattern have at most {MAX_PATTERN} characters.")
    found = re.fullmatch(_reading(pattern), text, re.ASCII)
    if not found:
        raise CallError("no-date", f"{text[:40]!r} is not written as {pattern!r}.")
    parts = found.groupdict()
    try:
        year = int(parts["Y"]) if parts.get("Y") else 2000 + int(parts.get("y") or 0)
        moment = datetime(  # noqa: DTZ001 (the zone follows)
            year, _month(parts), int(parts.get("d") or 1), _hour(parts), int(parts.get("M") or 0),
            int(parts.get("S") or 0), int((parts.get("f") or "0").ljust(6, "0")),
        )  # fmt: skip
    except ValueError:
        raise CallError("no-date", f"{text[:40]!r} names no day or hour that exists.") from None
    if parts.get("z"):
        return moment.replace(tzinfo=_read_offset(parts["z"]))
    if zone is None:
        raise CallError("no-zone", f"{text[:40]!r} has no time zone.", 'Name one: zone="Europe/Berlin".')
    return moment.replace(tzinfo=find_zone(zone))


def _reading(pattern: str) -> str:
    expression, position, seen = "", 0, set[str]()
    for mark in _MARK.finditer(pattern):
        letter = mark[1]
        if letter not in _READ or letter in seen:
            raise CallError(
                "bad-format", f"%{letter} cannot be read here.", "Write for instance %d.%m.%Y %H:%M."
            )
        seen.add(letter if letter != "%" else "")
        expression += re.escape(pattern[position : mark.start()]) + _READ[letter]
        position = mark.end()
    return expression + re.escape(pattern[position:])


def _month(parts: dict[str, str | None]) -> int:
    if parts.get("B"):
        return MONTHS.index(str(parts["B"])) + 1
    if parts.get("b"):
        return [month[:3] for month in MONTHS].index(str(parts["b"])) + 1
    return int(parts.get("m") or 1)


def _hour(parts: dict[str, str | None]) -> int:
    if parts.get("I"):
        hour = int(str(parts["I"]))
        if not 1 <= hour <= 12:
            raise ValueError
        return hour % 12 + (12 if str(parts.get("p")).upper() == "PM" else 0)
    return int(parts.get("H") or 0)


def _read_offset(text: str) -> timezone:
    if text == "Z":
        return timezone.utc  # noqa: UP017 (the fixed zone, as with any other offset)
    digits = text[1:].replace(":", "")
    span = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if span >= timedelta(hours=24):
        raise CallError("no-date", f"{text!r} is no offset from UTC.")
    return timezone(-span if text[0] == "-" else span)
