"""Definitions of a server as the files of a folder here: read, written, and brought up to date without losing an edit.

What server and folder last had in common is remembered beside the files, in `.auraos-base`; so a later pull knows which side
changed what.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from auraos.app.definitions.files import SUFFIXES
from auraos.app.definitions.fixing import write_whole
from auraos.core.document import read_document
from auraos.core.errors import OperationalError, UserError
from auraos.documents.merge import merge
from auraos.documents.parts import EditRefusedError

Key: TypeAlias = tuple[str, str]
"""The kind and the name of a definition."""
Came: TypeAlias = Literal["new", "changed", "merged", "removed", "same", "kept", "conflict"]
MOST_FILES = 2_000
LARGEST_FILE = 2_000_000
_BASE = ".auraos-base"


class FolderRefusedError(UserError):
    """A folder cannot be read as definitions."""

    code = "folder-refused"


class FolderNotWrittenError(OperationalError):
    """A file of a folder cannot be written."""

    code = "folder-not-written"


class Pulled(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one definition in the folder, in words."""

    kind: str
    name: str
    file: str
    what: Came
    words: tuple[str, ...] = ()


class Folder:
    """A folder of definitions."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._base = path / _BASE

    def read(self) -> dict[str, str]:
        """Return the texts by their path within the folder; raise `FolderRefusedError` where that cannot be."""
        if not self.path.is_dir():
            raise FolderRefusedError(
                f"There is no folder {str(self.path)!r}.", hint="-f names a folder of definitions."
            )
        found: dict[str, str] = {}
        for file in self._files():
            if len(found) == MOST_FILES:
                raise FolderRefusedError(f"{self.path} has more than {MOST_FILES:,} files of definitions.")
            found[str(file.relative_to(self.path))] = _text(file)
        return found

    def by_key(self) -> dict[Key, str]:
        """Return the path of each definition; files that do not say what they are are none."""
        found: dict[Key, str] = {}
        for path, text in self.read().items():
            key = _key(text)
            if key is not None:
                found.setdefault(key, path)
        return found

    def remember(self, texts: Mapping[Key, str | None]) -> None:
        """Remember what both sides have now; None for what neither has any more."""
        for key, text in texts.items():
            if text is None:
                self._base_of(key).unlink(missing_ok=True)
            else:
                self._write(self._base_of(key), text)

    def write(self, texts: Mapping[Key, str], *, force: bool) -> list[Pulled]:
        """Write these definitions; raise `FolderRefusedError` where that would overwrite another text, unless by force."""
        paths, here = self.by_key() if self.path.is_dir() else {}, self._all_texts()
        told: list[Pulled] = []
        for key, text in texts.items():
            path = paths.get(key, _usual(key))
            before = here.get(path)
            if before not in (None, text) and not force:
                raise FolderRefusedError(
                    f"{self.path / path} says something else, and nothing was written.",
                    hint="`auraos pull -f DIR` joins both, --force overwrites what is there.",
                )
            what: Came = "new" if before is None else "same" if before == text else "changed"
            told.append(Pulled(kind=key[0], name=key[1], file=path, what=what))
        for one in told:
            if one.what != "same":
                self._write(self.path / one.file, texts[one.kind, one.name])
        self.remember(texts)
        return told

    def pull(self, theirs: Mapping[Key, str], *, is_meant: Callable[[Key], bool]) -> list[Pulled]:
        """Bring the folder up to date with these texts. What changed on both sides is joined; where that cannot be done the
        file stays as it is, and a conflict is told. `is_meant` says of what is not among them whether it is gone.
        """
        paths, texts = self.by_key(), self._all_texts()
        told: list[Pulled] = []
        gone = {key for key in self._remembered() if is_meant(key)}
        for key in sorted({*theirs, *gone}):
            path = paths.get(key, _usual(key))
            mine = texts.get(path) if key in paths else None
            one, text = self._join(key, path, mine, theirs.get(key))
            if one.what == "removed":
                (self.path / path).unlink(missing_ok=True)
            elif text is not None and text != mine:
                self._write(self.path / path, text)
            if one.what != "conflict":
                self.remember({key: theirs.get(key)})
            told.append(one)
        return told

    def _join(self, key: Key, path: str, mine: str | None, theirs: str | None) -> tuple[Pulled, str | None]:
        """Return what becomes of one definition, and what its file says from now on."""
        base = self._read_base(key)

        def told(what: Came, *words: str) -> Pulled:
            return Pulled(kind=key[0], name=key[1], file=path, what=what, words=words)

        if mine == theirs:
            return told("same"), mine
        if theirs is None:
            if mine == base:
                return told("removed", "It is gone from the server."), None
            return told("conflict", "It changed here, and is gone from the server."), mine
        if mine is None:
            if base is None:
                return told("new"), theirs
            if base == theirs:
                return told("kept", "It was removed here; `auraos apply --prune` removes it there."), None
            return told("conflict", "It was removed here, and changed on the server."), None
        if base == theirs:
            return told("kept", "It changed here only."), mine
        if base == mine:
            return told("changed"), theirs
        return self._merged(told, base, mine, theirs)

    def _merged(
        self, told: Callable[..., Pulled], base: str | None, mine: str, theirs: str
    ) -> tuple[Pulled, str]:
        if base is None:
            return told(
                "conflict", "It differs on both sides, and what they had in common is not known."
            ), mine
        try:
            merged = merge(base, mine, theirs)
        except EditRefusedError as refused:
            return told("conflict", str(refused)), mine
        if merged.conflicts:
            return told("conflict", *(one.words for one in merged.conflicts)), mine
        return told("merged", "It changed on both sides, and both changes are in it."), merged.text

    def _all_texts(self) -> dict[str, str]:
        return self.read() if self.path.is_dir() else {}

    def _files(self) -> Iterable[Path]:
        for folder, inner, names in os.walk(self.path):
            inner[:] = sorted(name for name in inner if not name.startswith("."))
            for name in sorted(names):
                file = Path(folder, name)
                if (
                    name.endswith(SUFFIXES)
                    and not name.startswith(".")
                    and file.is_file()
                    and not file.is_symlink()
                ):
                    yield file

    def _remembered(self) -> set[Key]:
        return {(file.parent.name, file.stem) for file in self._base.glob("*/*.yaml")}

    def _base_of(self, key: Key) -> Path:
        return self._base / _usual(key)

    def _read_base(self, key: Key) -> str | None:
        file = self._base_of(key)
        return _text(file) if file.is_file() else None

    def _write(self, file: Path, text: str) -> None:
        """Write a file inside the folder; never through a link that leads out of it."""
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            if not file.parent.resolve().is_relative_to(self.path.resolve()) or file.is_symlink():
                raise FolderRefusedError(f"{file} is a link that leads elsewhere.")
            if file.exists():
                write_whole(file, text)
            else:
                file.write_bytes(text.encode())
        except OSError as error:
            raise FolderNotWrittenError(f"{file} cannot be written: {error.strerror or error}.") from error


def _usual(key: Key) -> str:
    return f"{key[0]}/{key[1]}.yaml"


def _key(text: str) -> Key | None:
    document, _ = read_document(text)
    return (
        (document.kind, document.name) if document is not None and document.kind and document.name else None
    )


def _text(file: Path) -> str:
    try:
        data = file.read_bytes()
        if len(data) > LARGEST_FILE:
            raise FolderRefusedError(f"{file} is larger than {LARGEST_FILE:,} bytes.")
        return data.decode()
    except UnicodeDecodeError as error:
        raise FolderRefusedError(f"{file} is no UTF-8 text.") from error
    except OSError as error:
        raise FolderRefusedError(f"{file} cannot be read: {error.strerror or error}.") from error
