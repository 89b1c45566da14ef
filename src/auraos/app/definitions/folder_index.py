"""Which file of a folder holds which definition of a kind, as the folder is now; a file is read again when it changed."""

import re
from pathlib import Path

from auraos.app.definitions.files import SUFFIXES, MissingFileError, read_source
from auraos.core.errors import UserError

_NAME = re.compile(r"^name:\s*[\"']?([a-z][a-z0-9-]*)[\"']?\s*(?:#.*)?$", re.MULTILINE)


class BrokenDefinitionError(UserError):
    """The text of a definition cannot become a program."""

    code = "broken-definition"


class FolderIndex:
    """The definitions of one kind in a folder, and not in those below it."""

    def __init__(self, folder: Path | None, kind: str) -> None:
        self.folder = folder
        self._kind = kind
        self._says_kind = re.compile(rf"^kind:\s*[\"']?{kind}[\"']?\s*(?:#.*)?$", re.MULTILINE)
        self._seen: dict[Path, tuple[tuple[int, int], str]] = {}

    def text(self, name: str) -> str | None:
        """Return the text of a definition, None where there is none; raise `BrokenDefinitionError` where several say that
        they are it.
        """
        paths = self._paths().get(name, [])
        if len(paths) > 1:
            listed = ", ".join(str(path) for path in paths)
            raise BrokenDefinitionError(f"More than one file names a {self._kind} {name!r}: {listed}.")
        try:
            return read_source(str(paths[0])) if paths else None
        except MissingFileError:
            return None  # it has gone since it was found

    def _paths(self) -> dict[str, list[Path]]:
        index: dict[str, list[Path]] = {}
        for path in _files_in(self.folder):
            try:
                found = path.stat()
            except FileNotFoundError:
                continue
            stamp = (found.st_mtime_ns, found.st_size)
            known = self._seen.get(path)
            if known is None or known[0] != stamp:
                known = self._seen[path] = (stamp, self._name_of(path))
            if known[1]:
                index.setdefault(known[1], []).append(path)
        return index

    def _name_of(self, path: Path) -> str:
        """Return the name of the definition in a file, from a look at its lines; empty where there is none."""
        try:
            text = read_source(str(path))
        except UserError:
            return ""
        found = _NAME.search(text)
        return found[1] if found and self._says_kind.search(text) else ""


def _files_in(folder: Path | None) -> list[Path]:
    if folder is None or not folder.is_dir():
        return []
    try:
        return sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES and path.is_file())
    except FileNotFoundError:
        return []
