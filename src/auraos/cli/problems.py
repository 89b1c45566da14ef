"""Problems for people: `file:line:column: error[code]: message`, the line of the source, a caret, and the way out."""

from typing import TYPE_CHECKING, Any

import msgspec

from auraos.cli.screen import Screen, Tint, clean, pad, width
from auraos.core.problems import Place, Problem, Severity, format_path

if TYPE_CHECKING:
    from auraos.app.installed import BrokenPlugin

_WIDEST = 100
_TINTS: dict[Severity, Tint] = {Severity.ERROR: "red", Severity.WARNING: "yellow"}


def show_problem(screen: Screen, path: str, text: str, problem: Problem) -> None:
    """Write one problem with its place in the text."""
    place = problem.place
    where = f"{clean(path)}:{place.line}:{place.column}" if place else clean(path)
    tint = _TINTS[problem.severity]
    label = screen.tint(f"{problem.severity.value}[{problem.code}]", tint, "bold")
    screen.line(f"{screen.tint(where, 'bold')}: {label}: {clean(problem.message)}")
    margin = 0
    if place is not None:
        margin = _show_source(screen, text, place, tint)
    edge = " " * margin + "  = "
    if problem.hint:
        screen.line(screen.tint(edge, "blue") + screen.tint("help", "cyan") + f": {clean(problem.hint)}")
    if problem.fix is not None and problem.fix.title != problem.hint:
        how = " (--fix does it)" if problem.fix.safe else ""
        screen.line(
            screen.tint(edge, "blue") + screen.tint("fix", "green") + f": {clean(problem.fix.title)}{how}"
        )
    screen.line()


def show_broken(screen: Screen, broken: "BrokenPlugin") -> None:
    """Write that a plugin is left out, and why."""
    label = screen.tint("warning[broken-plugin]", "yellow", "bold")
    screen.line(
        f"{label}: the step type {broken.name!r} of {broken.distribution!r} is left out: {clean(broken.message)}"
    )


def problem_document(problem: Problem) -> dict[str, Any]:
    """Return a problem as the JSON output has it."""
    told: dict[str, Any] = {
        "code": problem.code,
        "severity": problem.severity.value,
        "message": problem.message,
        "path": format_path(problem.path),
    }
    if problem.place is not None:
        place = problem.place
        told |= {
            "line": place.line,
            "column": place.column,
            "end_line": place.end_line,
            "end_column": place.end_column,
        }
    if problem.hint:
        told["hint"] = problem.hint
    if problem.fix is not None:
        edits = msgspec.to_builtins(problem.fix.edits)
        told["fix"] = {"title": problem.fix.title, "safe": problem.fix.safe, "edits": edits}
    return told


def count_words(errors: int, warnings: int) -> str:
    """Return `2 errors, 1 warning`."""
    return f"{errors} error{'s' * (errors != 1)}, {warnings} warning{'s' * (warnings != 1)}"


def _show_source(screen: Screen, text: str, place: Place, tint: Tint) -> int:
    lines = text.split("\n")
    if place.line > len(lines):
        return 0
    source = lines[place.line - 1].rstrip("\r")
    end = place.end_column if place.end_line == place.line else len(source) + 1
    start = place.column - 1
    length = max(1, min(end - 1, len(source)) - start)
    first = max(0, start - _WIDEST // 2) if len(source) > _WIDEST else 0
    shown = source[first : first + _WIDEST].replace("\t", " ")
    number = str(place.line)
    margin = max(4, len(number))
    bar = screen.tint("|", "blue")
    screen.line(f"{screen.tint(pad(number.rjust(margin), margin), 'blue')} {bar} {clean(shown)}")
    before = width(clean(shown[: start - first]))
    marked = max(1, width(clean(shown[start - first : start - first + length])))
    screen.line(f"{' ' * margin} {bar} {' ' * before}{screen.tint('^' * marked, tint, 'bold')}")
    return margin
