"""Workflow files: found in folders, read, and checked together with their test cases."""

import os
import sys
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec

from auraos.core.catalogue import Catalogue
from auraos.core.document import Document, read_document
from auraos.core.errors import UserError
from auraos.core.graph import check_text, read_workflow
from auraos.core.graph.check import in_order
from auraos.core.graph.check_calls import FindWorkflow
from auraos.core.graph.check_flags import FindFlag
from auraos.core.problems import Problem, Severity
from auraos.core.workflow import Workflow
from auraos.engine.trial import PlacedCase, read_cases

STDIN = "<stdin>"
"""How standard input is named; on the command line it is `-`."""
SUFFIXES = (".yaml", ".yml")
LARGEST_FILE = 10_000_000


class UnreadableFileError(UserError):
    """A file is not there, or is no text."""

    code = "unreadable-file"


class MissingFileError(UnreadableFileError):
    """A file was not there when it was to be read; it may have come back since."""


class Found(NamedTuple):
    """A file to look at; `named` when the person named it, and not just its folder."""

    path: str
    named: bool


class CheckedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file, read and checked: the workflow is there unless reading it found an error."""

    path: str
    text: str
    document: Document | None
    workflow: Workflow | None
    cases: tuple[PlacedCase, ...]
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> list[Problem]:
        """Return the problems that stop a run."""
        return [problem for problem in self.problems if problem.severity is Severity.ERROR]


def find_files(paths: Iterable[str]) -> list[Found]:
    """Return the files that these paths name, those of folders in order, each once; raise for a path that is not there."""
    found: dict[str, bool] = {}
    for path in paths:
        if not path:
            raise UnreadableFileError("A path is empty.", hint="Name a file or a folder; . is this folder.")
        if path == STDIN or Path(path).is_file():
            found[path] = True
        elif Path(path).is_dir():
            for inner in sorted(_documents_below(Path(path))):
                found.setdefault(str(inner), False)
        else:
            raise UnreadableFileError(f"There is no file or folder {path!r}.")
    return [Found(path, named) for path, named in found.items()]


def read_found(found: Found) -> "str | CheckedFile | None":
    """Return the text of a file, or None for one in a folder that is none of ours, or that has gone since it was found.

    One that is ours and cannot be read stops nothing: it comes back as a file with that problem.
    """
    try:
        text = read_source(found.path)
    except MissingFileError:
        if found.named:
            raise
        return None
    except UnreadableFileError as error:
        if found.named:
            raise
        if not says_kind(_beginning_of(found.path)):
            return None
        problem = Problem(code=error.code, message=error.message, hint=error.hint)
        return CheckedFile(
            path=found.path, text="", document=None, workflow=None, cases=(), problems=(problem,)
        )
    return text if found.named or says_kind(text) else None


def is_gone(found: Found) -> bool:
    """Return whether a file of a folder is not there any more: nobody asked for it by its name, so nothing is missing."""
    return not found.named and not Path(found.path).is_file()


def read_source(path: str) -> str:
    """Return the text of a file, or of standard input."""
    try:
        data = sys.stdin.buffer.read(LARGEST_FILE + 1) if path == STDIN else _read_file(path)
        text = data.decode()
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        message = f"{path} is no UTF-8 text: line {line} has a byte that means nothing there."
        raise UnreadableFileError(message, hint="Save the file as UTF-8.") from error
    except FileNotFoundError:
        raise MissingFileError(f"There is no file {path!r}.") from None
    except IsADirectoryError:
        raise UnreadableFileError(f"{path!r} is a folder; name a file in it.") from None
    except PermissionError:
        raise UnreadableFileError(f"{path!r} may not be read by you.") from None
    return text.removeprefix("\ufeff") if path == STDIN else text


def check_source(
    path: str,
    text: str,
    catalogue: Catalogue,
    *,
    others: FindWorkflow | None = None,
    secrets: Collection[str] | None = None,
    flags: FindFlag | None = None,
) -> CheckedFile:
    """Return everything that can be said of a text before it runs, its test cases included."""
    problems = check_text(text, catalogue, others=others, secrets=secrets, flags=flags)
    document, _ = read_document(text, ("workflow",))
    workflow = None
    cases: list[PlacedCase] = []
    if document is not None:
        workflow, _ = read_workflow(document, catalogue)
        cases, of_cases = read_cases(document, workflow)
        known = {problem.path for problem in problems}
        problems = in_order([*problems, *(problem for problem in of_cases if problem.path not in known)])
    return CheckedFile(
        path=path,
        text=text,
        document=document,
        workflow=workflow,
        cases=tuple(cases),
        problems=tuple(problems),
    )


def folder_of(path: str) -> Path:
    """Return the folder beside which a file's called workflows are looked for; for standard input it is this one."""
    return Path.cwd() if path == STDIN else Path(path).resolve().parent


def says_kind(text: str) -> bool:
    """Return whether a text looks like one of our documents: it has a line that begins with `kind:`."""
    return any(line.startswith(("kind:", '"kind"', "'kind'", "{")) for line in text.splitlines())


def _beginning_of(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            return file.read(10_000).decode(errors="replace")
    except OSError:
        return "kind:"


def _read_file(path: str) -> bytes:
    with Path(path).open("rb") as opened:
        data = opened.read(LARGEST_FILE + 1)  # a device says that it has no bytes, and never ends
    if len(data) > LARGEST_FILE:
        raise UnreadableFileError(f"{path!r} has more than the {LARGEST_FILE:,} bytes that are read.")
    return data


def _documents_below(folder: Path) -> Iterable[Path]:
    for parent, folders, names in os.walk(folder):  # it passes over folders that go while it looks
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(parent, name)
            if path.suffix in SUFFIXES and not name.startswith(".") and path.is_file():
                yield path
