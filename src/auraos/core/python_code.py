"""Reads a person's Python statements. They are never compiled here: a sandbox runs them."""

import ast
import warnings

LONGEST_CODE = 100_000


class UnreadablePythonError(ValueError):
    """The statements are no Python; `line` and `column` count from 1, and are 0 where no place can be named."""

    def __init__(self, message: str, line: int = 0, column: int = 0, source: str = "") -> None:
        super().__init__(message)
        self.message, self.line, self.column, self.source = message, line, column, source


def with_plain_ends(code: str) -> str:
    """Return the statements with one kind of line end."""
    return code.replace("\r\n", "\n").replace("\r", "\n")


def read_python(code: str) -> ast.Module:
    """Return the tree of the statements; raise `UnreadablePythonError`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(with_plain_ends(code))
    except SyntaxError as error:
        line, column = error.lineno or 0, error.offset or 0
        raise UnreadablePythonError(f"SyntaxError: {error.msg}", line, column, error.text or "") from None
    except (ValueError, RecursionError, MemoryError) as error:
        reason = str(error) or "it is nested too deep"
        raise UnreadablePythonError(f"The code cannot be read: {reason}.") from None
