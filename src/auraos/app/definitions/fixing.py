"""`check --fix`: the safe fixes of a file, applied as edits of its text, again until none is left."""

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from auraos.app.definitions.files import STDIN, MissingFileError
from auraos.core.graph import apply_safe_fixes
from auraos.core.problems import Problem, Severity

MOST_ROUNDS = 10


class FixedFile(msgspec.Struct, frozen=True):
    """The text of a file after its safe fixes, and what each of them did."""

    path: str
    text: str
    done: tuple[str, ...]


def fix_source(path: str, text: str, check: Callable[[str], Sequence[Problem]]) -> FixedFile:
    """Apply the safe fixes of a text and, unless it came from standard input, write the file in one piece."""
    fixed, done = apply_safely(text, check)
    if fixed != text and path != STDIN:
        try:
            write_whole(Path(path), fixed)
        except FileNotFoundError:
            raise MissingFileError(f"{path} is not there any more, so it was not mended.") from None
    return FixedFile(path, fixed, tuple(done))


def apply_safely(text: str, check: Callable[[str], Sequence[Problem]]) -> tuple[str, list[str]]:
    """Return the text with its safe fixes, and what they did. A round that brings new errors is not kept."""
    done: list[str] = []
    problems = check(text)
    for _ in range(MOST_ROUNDS):
        fixed = apply_safe_fixes(text, problems)
        left = check(fixed)
        if fixed == text or _errors(left) > _errors(problems):
            break
        done += _mended(problems, left)
        text, problems = fixed, left
    return text, done


def _errors(problems: Sequence[Problem]) -> int:
    return sum(problem.severity is Severity.ERROR for problem in problems)


def _mended(before: Sequence[Problem], after: Sequence[Problem]) -> list[str]:
    left = Counter((problem.code, problem.message) for problem in after)
    mended = []
    for problem in before:
        key = (problem.code, problem.message)
        if left[key]:
            left[key] -= 1
        elif problem.fix is not None and problem.fix.safe:
            line = f"line {problem.place.line}: " if problem.place else ""
            mended.append(f"{line}{problem.fix.title}")
    return mended


def write_whole(path: Path, text: str) -> None:
    """Write a file so that nobody ever sees half of it, keeping its permissions; a link keeps being one."""
    target = path.resolve()
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(text.encode())
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(target.stat().st_mode)
        Path(name).replace(target)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
