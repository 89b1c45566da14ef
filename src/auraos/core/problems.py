"""Problems: what a check says of a document. All of them at once, each with its place and, where known, its mend."""

from enum import StrEnum
from typing import TypeAlias

import msgspec

Path: TypeAlias = tuple[str | int, ...]


class Severity(StrEnum):
    """Errors stop publishing and running, warnings do not."""

    ERROR = "error"
    WARNING = "warning"


class Place(msgspec.Struct, frozen=True):
    """A stretch of a text, counted as people count: lines and columns from 1; offsets from 0 for machines."""

    line: int
    column: int
    end_line: int
    end_column: int
    start: int
    end: int


class TextEdit(msgspec.Struct, frozen=True):
    """Replace the characters from `start` up to `end` (offsets from 0) by `text`."""

    start: int
    end: int
    text: str


class Fix(msgspec.Struct, frozen=True):
    """A mend in words and as edits; `safe` ones keep the meaning and are applied by `check --fix`."""

    title: str
    edits: tuple[TextEdit, ...] = ()
    safe: bool = False


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One finding: a code with a page in the reference, the path and place in the document, words, and a fix."""

    code: str
    message: str
    severity: Severity = Severity.ERROR
    path: Path = ()
    place: Place | None = None
    hint: str = ""
    fix: Fix | None = None


def format_path(path: Path) -> str:
    """Write a path as people read it: `spec.steps.charge.with.lines[2]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text
