"""Prepares a person's statements for the sandbox, so that their value can be fetched in a form of bounded
size.

The interpreter hands back the value of the last expression as Python objects, which a hostile snippet could
make so many that building them stops this whole process for seconds. So the last expression, and what
`return` gives, is put into a variable, and a second snippet of ours fetches it as JSON text. Lines stay where
they are.
"""

import ast
from collections.abc import Iterator

from auraos.core.python_code import LONGEST_CODE, UnreadablePythonError, read_python, with_plain_ends
from auraos.sdk import StepFailed

OUTPUT = "_auraos_output"
LONGEST_OUTPUT = 10_000_000
LONGEST_SPECIAL = 1_000_000

# Uses nothing that a snippet could have given another meaning: a fresh import, slices, and a bare `except`.
FETCH = f"""
import json as _auraos_json
try:
    _auraos_text = _auraos_json.dumps({OUTPUT})
except:
    _auraos_text = None
if _auraos_text is None:
    _auraos_text = ("too-large", None) if f"{{{OUTPUT}!r}}"[{LONGEST_SPECIAL}:] else ("value", {OUTPUT})
elif _auraos_text[{LONGEST_OUTPUT}:]:
    _auraos_text = ("too-large", None)
else:
    _auraos_text = ("json", _auraos_text)
_auraos_text
"""


def prepare(code: str) -> str:
    """Return the statements with their value put into the output variable; fail where they are no Python."""
    if len(code) > LONGEST_CODE:
        message = f"The code has more than {LONGEST_CODE:,} characters."
        raise StepFailed(message, error_class="data", code="code-error")
    text = with_plain_ends(code)
    try:
        tree = read_python(text)
    except UnreadablePythonError as error:
        raise refused(error.message, error.line or None, error.source) from None
    lines = [line.encode() for line in text.split("\n")]
    last = tree.body[-1] if tree.body else None
    changed: list[ast.stmt] = list(_returns(tree.body))
    if isinstance(last, ast.Expr):
        changed.append(last)
    for statement in reversed(changed):
        _store(lines, statement)
    return b"\n".join(lines).decode() if tree.body else "pass"


def read_line(code: str, line: int | None) -> str:
    """Return a line of the code as its author wrote it; empty where there is no such line."""
    lines = with_plain_ends(code).split("\n")
    return lines[line - 1] if line is not None and 1 <= line <= len(lines) else ""


def refused(message: str, line: int | None = None, source: str = "") -> StepFailed:
    """Return the failure of code that cannot be run or that failed by itself."""
    where = f" (line {line}: {source.strip()[:120]})" if line else ""
    return StepFailed(
        f"{message}{where}", code="code-error", data={"line": line, "source": source} if line else None
    )


def _returns(statements: list[ast.stmt]) -> Iterator[ast.Return]:
    """Yield the `return`s that belong to no function, in the order of the text."""
    waiting = list(reversed(statements))
    while waiting:
        statement = waiting.pop()
        if isinstance(statement, ast.Return):
            yield statement
        elif not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = [part for part in ast.iter_child_nodes(statement) if isinstance(part, ast.stmt)]
            for block in ast.iter_child_nodes(statement):
                if isinstance(block, ast.ExceptHandler | ast.match_case):
                    inner.extend(block.body)
            waiting.extend(sorted(inner, key=lambda part: (part.lineno, part.col_offset), reverse=True))


def _store(lines: list[bytes], statement: ast.stmt) -> None:
    """Write `X` as `output = (X)` and `return X` as `output = (X); return`, on the lines where they stand."""
    if isinstance(statement, ast.Return) and statement.value is None:
        return
    is_return = isinstance(statement, ast.Return)
    end = (statement.end_lineno or statement.lineno) - 1
    column = statement.end_col_offset or 0
    lines[end] = lines[end][:column] + (b"); return" if is_return else b")") + lines[end][column:]
    start, column = statement.lineno - 1, statement.col_offset
    skipped = column + (len(b"return") if is_return else 0)
    lines[start] = lines[start][:column] + f"{OUTPUT} = (".encode() + lines[start][skipped:]
