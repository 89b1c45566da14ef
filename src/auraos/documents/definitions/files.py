"""Definitions as files: a folder's, a bundle's, whatever holds each text under a path."""

from collections.abc import Iterable, Sequence

import msgspec

from auraos.core.errors import AuraError, UserError
from auraos.core.problems import Problem
from auraos.documents.definitions.changes import refuse_unkeepable
from auraos.documents.definitions.checking import Checked, Checker
from auraos.documents.definitions.errors import DefinitionRefusedError

MOST_FILES = 2_000


class File(msgspec.Struct, frozen=True):
    """A text under the path of its file, which serves to tell people where something is."""

    path: str
    text: str


class FileProblem(msgspec.Struct, frozen=True):
    """One thing that is wrong with one of several files."""

    file: str
    problem: Problem


class FilesRefusedError(UserError):
    """Something is wrong with the files, so nothing was done with any of them; `problems` says all that is."""

    code = "files-refused"

    def __init__(self, problems: Sequence[FileProblem]) -> None:
        files = len({problem.file for problem in problems})
        super().__init__(
            f"{len(problems)} problem{'s' * (len(problems) != 1)} in {files} file{'s' * (files != 1)}; nothing was changed.",
            hint="Mend them all, and try again.",
            problems=tuple(problems),
        )
        self.problems = tuple(problems)


class NamedTwiceError(UserError):
    """Two files hold a definition of one kind and name."""

    code = "named-twice"


class ReadFile(msgspec.Struct, frozen=True):
    """A file whose text says of which kind it is, and what it is called."""

    path: str
    key: tuple[str, str]
    read: Checked


async def read_files(checker: Checker, files: Sequence[File]) -> tuple[list[ReadFile], list[FileProblem]]:
    """Return the files that say what they are, each name once, and what is wrong with the others."""
    if len(files) > MOST_FILES:
        raise DefinitionRefusedError(f"{len(files):,} files are too many at once; {MOST_FILES:,} may be.", ())
    found: dict[tuple[str, str], ReadFile] = {}
    problems: list[FileProblem] = []
    for file in files:
        try:
            refuse_unkeepable(file.text)
        except DefinitionRefusedError as error:
            problems.append(told_of(file.path, error))
            continue
        read = await checker.read(file.text)
        key = _key_of(read)
        if key is None:
            problems += [FileProblem(file.path, problem) for problem in read.problems]
        elif key in found:
            message = f"{found[key].path} holds the {key[0]} {key[1]!r} too."
            problems.append(told_of(file.path, NamedTwiceError(message, hint="Remove one of the files.")))
        else:
            found[key] = ReadFile(file.path, key, read)
    return list(found.values()), problems


def told_of(path: str, error: AuraError) -> FileProblem:
    """Return an error as a problem of one file."""
    return FileProblem(path, Problem(code=error.code, message=error.message, hint=error.hint))


def errors_of(one: ReadFile, checked: Checked) -> Iterable[FileProblem]:
    """Return the errors of a file."""
    return (FileProblem(one.path, problem) for problem in checked.errors)


def _key_of(read: Checked) -> tuple[str, str] | None:
    document = read.document
    is_named = document is not None and document.name
    if not is_named or any(
        problem.code == "bad-name" and problem.path == ("name",) for problem in read.problems
    ):
        return None
    assert document is not None
    return document.kind, document.name
