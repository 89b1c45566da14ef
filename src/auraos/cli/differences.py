"""What was expected beside what came, so that the eye finds where they part."""

import difflib
from typing import Any

import msgspec

from auraos.cli.screen import Screen, clean
from auraos.engine.trial import Difference

_SHORT = 60
_INDENT = "      "


def show_difference(screen: Screen, difference: Difference) -> None:
    """Write one expectation that was not met: on two lines when short, else line by line."""
    words = f" ({clean(difference.words)})" if difference.words else ""
    screen.line(f"{_INDENT}{screen.tint(clean(difference.about), 'bold')}{words}")
    expected, actual = write_value(difference.expected), write_value(difference.actual)
    if max(len(expected), len(actual)) <= _SHORT and "\n" not in expected + actual:
        screen.line(f"{_INDENT}  expected {screen.tint(clean(expected), 'green')}")
        screen.line(f"{_INDENT}  but got  {screen.tint(clean(actual), 'red')}")
        return
    before, after = write_value(difference.expected, True), write_value(difference.actual, True)
    for line in difflib.ndiff(before.splitlines(), after.splitlines()):
        _show_line(screen, line)


def write_value(value: Any, in_lines: bool = False) -> str:
    """Return a value as JSON, on one line, or on several with sorted keys."""
    data = msgspec.json.encode(value, order="sorted" if in_lines else None, enc_hook=str)
    return msgspec.json.format(data, indent=2 if in_lines else 0).decode()


def _show_line(screen: Screen, line: str) -> None:
    match line[:1]:
        case "-":
            screen.line(f"{_INDENT}  {screen.tint('- ' + clean(line[2:]), 'green')}")
        case "+":
            screen.line(f"{_INDENT}  {screen.tint('+ ' + clean(line[2:]), 'red')}")
        case "?":
            return
        case _:
            screen.line(f"{_INDENT}    {clean(line[2:])}")
