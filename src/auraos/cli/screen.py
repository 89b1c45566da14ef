"""What goes to the terminal: colours where they can be seen, never a control character of a file or a run."""

import os
import re
import sys
import unicodedata
from typing import IO, Any, Literal, TypeAlias

import msgspec

Tint: TypeAlias = Literal["bold", "dim", "red", "green", "yellow", "blue", "magenta", "cyan"]

_CODES: dict[Tint, str] = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_UNSEEN = re.compile(r"[\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""What JSON may hold as it is and a terminal would still obey; it stands in texts only, where an escape means the same."""


class Screen:
    """One stream to people: text, with colours only where the stream is a terminal that shows them."""

    def __init__(self, stream: IO[str], *, colours: bool | None = None) -> None:
        self.stream = stream
        self.is_terminal = bool(getattr(stream, "isatty", lambda: False)())
        self.colours = wants_colours(self.is_terminal) if colours is None else colours

    def tint(self, text: str, *tints: Tint) -> str:
        """Return the text in these colours, or as it is where there are none."""
        if not self.colours or not tints or not text:
            return text
        return f"\x1b[{';'.join(_CODES[tint] for tint in tints)}m{text}\x1b[0m"

    def line(self, text: str = "") -> None:
        """Write one line."""
        self.stream.write(text + "\n")


def wants_colours(is_terminal: bool) -> bool:
    """Return whether to colour: on a terminal, unless NO_COLOR is set or the terminal is a dumb one."""
    if os.environ.get("NO_COLOR"):
        return False
    return is_terminal and os.environ.get("TERM") != "dumb"


def to_people() -> Screen:
    """Return the screen on standard output, for what was asked for."""
    return Screen(sys.stdout)


def to_side() -> Screen:
    """Return the screen on standard error, for errors and progress."""
    return Screen(sys.stderr)


def print_json(document: Any) -> None:
    """Print one JSON document on standard output, indented, keys in the order they were given."""
    data = msgspec.json.encode(document, enc_hook=_plain)
    text = msgspec.json.format(data, indent=2).decode()
    sys.stdout.write(_UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")


def clean(text: str) -> str:
    """Return the text with control characters written out, so that no file can steer the terminal."""
    return _CONTROL.sub(
        lambda found: f"\\x{ord(found[0]):02x}" if ord(found[0]) < 256 else f"\\u{ord(found[0]):04x}", text
    )


def width(text: str) -> int:
    """Return how many cells of a terminal the text takes."""
    if text.isascii():
        return len(text)
    return sum(_cells(character) for character in text)


def fit(text: str, cells: int) -> str:
    """Return the text on one line, cut with an ellipsis where it is longer than that many cells."""
    text = " ".join(clean(text).split())
    if width(text) <= cells:
        return text
    taken, used = "", 0
    for character in text:
        used += _cells(character)
        if used > cells - 1:
            break
        taken += character
    return taken.rstrip() + "…"


def pad(text: str, cells: int) -> str:
    """Return the text filled up with spaces to that many cells."""
    return text + " " * max(0, cells - width(text))


def _cells(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _plain(value: Any) -> Any:
    return str(value)
