"""The 43 control-flow patterns: which hold, and how; a row for each, from the files in examples/patterns."""

from pathlib import Path
from typing import Any, NamedTuple

import yaml

from markdown import Page, code, page, table

TITLE = "Control-flow patterns"
FRONT = "patterns.md"
SUMMARY = "which of the 43 published patterns hold natively, which by composition, and which not."

FILES = Path(__file__).resolve().parents[2] / "examples" / "patterns"


class Pattern(NamedTuple):
    """One pattern: its number and name, how it holds, the file that shows it, and in words how."""

    number: int
    title: str
    holds: str
    file: str
    words: str


NOT_HELD = (
    Pattern(
        34,
        "Static partial join for multiple instances",
        "not",
        "",
        "A `foreach` can end when it has enough results, and then withdraws the rest (35, 36). Going on behind the loop while"
        " the rest still run has no form: a scope ends only when nothing in it runs.",
    ),
    Pattern(
        39,
        "Critical section",
        "not",
        "",
        "A pool with one slot keeps two single steps apart. Two regions of several steps cannot exclude each other: that needs"
        " a lock across steps, which there is none of.",
    ),
)


def pages() -> list[Page]:
    """Return the table of all patterns."""
    found = all_patterns()
    rows = [
        (str(each.number), each.title, each.holds, code(each.file), each.words)
        for each in sorted(found, key=lambda each: each.number)
    ]
    held = {way: sum(each.holds == way for each in found) for way in ("natively", "by composition", "not")}
    return [
        page(
            FRONT,
            TITLE,
            "Van der Aalst and others collected 43 patterns of control flow (workflowpatterns.com) by which workflow systems"
            f" are compared. Here {held['natively']} hold natively, {held['by composition']} by composition of several"
            f" steps, {held['not']} do not hold. Each that holds is a file in `examples/patterns` with its own cases:"
            " `auraos test examples/patterns` plays them.",
            table(("number", "pattern", "holds", "file", "how"), rows),
        )
    ]


def all_patterns() -> list[Pattern]:
    """Return every pattern, those with a file and those that do not hold."""
    held = [_read(file) for file in sorted(FILES.glob("[0-9]*.yaml"))]
    return [*held, *(each for each in NOT_HELD if each.number not in {one.number for one in held})]


def _read(file: Path) -> Pattern:
    document: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    labels = document["labels"]
    words = " ".join(document.get("description", "").split())
    return Pattern(int(labels["pattern"]), document["title"], labels["holds"], file.name, words)
