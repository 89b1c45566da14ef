"""What can be wrong with an expression: when it is read, when it is evaluated, or because it asks for too much.

LocatedError (UserError)
├── ExpressionError    the text is no expression of the language; known before anything runs
└── EvaluationError    the expression met values it cannot work with
    └── BudgetError    it would take more steps or more memory than it was given
"""

import bisect
import re
from typing import Self

import msgspec

from auraos.core.errors import UserError

_LINE_BREAK = re.compile(r"\r\n|\r|\n")


class LocatedError(UserError):
    """An error with a place in an expression's source: offsets from 0, line and column from 1."""

    code = "expression"

    def __init__(
        self, code: str, message: str, *, hint: str = "", source: str = "", start: int = 0, end: int = 0
    ) -> None:
        super().__init__(message, hint=hint)
        self.__dict__["code"] = code
        self.place(source, start, end)

    def place(self, source: str, start: int, end: int) -> Self:
        """Say where the error is; the innermost place is the one to keep."""
        self.source = source
        self.start = start
        self.end = max(start, end)
        self.line, self.column = find_line(source, start)
        return self


class ExpressionError(LocatedError):
    """The text is no expression of the language."""

    code = "expression-syntax"


class EvaluationError(LocatedError):
    """The expression cannot be worked out with these values."""

    code = "evaluation"


class BudgetError(EvaluationError):
    """The expression would take more steps or more memory than it was given."""

    code = "budget"


class CallError(Exception):
    """A function's or method's own complaint; the call that made it adds the place."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


class Site(msgspec.Struct, frozen=True):
    """A stretch of an expression's source that an error can point at and quote."""

    source: str
    start: int
    end: int

    @property
    def text(self) -> str:
        """The words of the source, on one line and not too long, to be quoted in a message."""
        words = " ".join(self.source[self.start : self.end].split())
        return words if len(words) <= 60 else words[:57] + "…"

    def error(self, code: str, message: str, hint: str = "") -> EvaluationError:
        """Return the error of an evaluation at this place."""
        return EvaluationError(code, message, hint=hint, source=self.source, start=self.start, end=self.end)

    def refusal(self, code: str, message: str, hint: str = "") -> ExpressionError:
        """Return the error of a text that is no expression, at this place."""
        return ExpressionError(code, message, hint=hint, source=self.source, start=self.start, end=self.end)


def find_line(source: str, offset: int) -> tuple[int, int]:
    """Return line and column, both from 1, of an offset from 0."""
    starts = find_line_starts(source)
    line = bisect.bisect_right(starts, offset)
    return line, offset - starts[line - 1] + 1


def find_line_starts(source: str) -> list[int]:
    """Return the offset of the first character of each line."""
    return [0, *(found.end() for found in _LINE_BREAK.finditer(source))]


def suggest(word: str, known: "list[str] | tuple[str, ...] | set[str] | frozenset[str]") -> str:
    """Return `Did you mean 'x'?` for the nearest known word, or nothing."""
    from difflib import get_close_matches  # noqa: PLC0415 (only on the way to an error)

    nearest = get_close_matches(word[:80], sorted(known), n=1, cutoff=0.6)
    return f"Did you mean {nearest[0]!r}?" if nearest else ""
