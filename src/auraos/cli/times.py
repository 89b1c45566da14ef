"""Times and durations as people here read them."""

import re
import time
from datetime import UTC, datetime

from auraos.cli.failures import WrongInputError
from auraos.core.values import ValueRefusedError, parse_datetime, parse_duration

_SAID = re.compile(r"(?:(?<=until )|(?<=since )|(?<=is at ))\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")


def now() -> int:
    """Return the time as journals have it: microseconds since 1970."""
    return time.time_ns() // 1000


def clock(at: int | None) -> str:
    """Return a time in the time zone of this machine, to the second: with the date where it is not today."""
    if at is None:
        return "?"
    moment = datetime.fromtimestamp(at / 1_000_000, tz=UTC).astimezone()
    today = datetime.now(tz=UTC).astimezone().date()
    return f"{moment:%H:%M:%S}" if moment.date() == today else f"{moment:%Y-%m-%d %H:%M:%S}"


def read_moment(text: str, option: str) -> int:
    """Return a moment as it is given to an option: a span before now, or a moment as people write it; 0 for nothing."""
    if not text:
        return 0
    try:
        moment = datetime.now(UTC) - parse_duration(text)
    except ValueRefusedError:
        try:
            moment = parse_datetime(text)
        except ValueRefusedError as error:
            hint = "Give a span such as 30m, 24h or 7d, or a moment such as 2026-11-20T17:30:00Z."
            raise WrongInputError(f"{option} is {text!r}, which is no time.", hint=hint) from error
    return int(moment.timestamp() * 1_000_000)


def with_local_times(words: str) -> str:
    """Return what is said of a run with its moments as `clock` gives them: until and since when, and when the next try is."""
    return _SAID.sub(lambda found: clock(_micros(found[0])), words)


def _micros(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp() * 1_000_000)


def took_words(micros: int) -> str:
    """Return how long something took, as short as it can be said."""
    seconds = micros / 1_000_000
    if seconds < 1:
        return f"{micros / 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "m"), (rest, "s")]
    return " ".join(f"{count}{unit}" for count, unit in [part for part in parts if part[0]][:2])
