"""The files of runs in a backup: each content once, and where else it lies; and back into a folder."""

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from auraos.app.backup.file import BackupDamagedError, BackupReader, BackupWriter
from auraos.storage.blobs.walking import walk
from auraos.storage.folder import sync_folder

PIECE = 1024 * 1024
_NAME = r"([A-Za-z0-9_][A-Za-z0-9_.~-]{0,127})"
_BLOB = re.compile(rf"(blob|link)/{_NAME}/{_NAME}/([0-9a-f]{{64}})", re.ASCII)

Tell: TypeAlias = Callable[[str, int, int], None]
"""Hears what is being done, how many bytes of it are, and how many there are; 0 where nobody knows."""
Pass: TypeAlias = Callable[[Iterator[bytes]], Iterator[bytes]]


def size_of(root: Path) -> int:
    """Return how many bytes all files have together."""
    return sum(path.stat().st_size for path in walk(root))


def add_blobs(out: BackupWriter, root: Path, told: Pass) -> tuple[int, list[str]]:
    """Write every file into a backup; return how many there are, and which were damaged before."""
    count, damaged, first = 0, [], dict[str, str]()
    for path in walk(root):
        place = "/".join(path.parts[-3:])
        count += 1
        if path.name in first:  # the same content, which another run holds too
            out.add(f"link/{place}", [first[path.name].encode()])
            continue
        digest = hashlib.sha256()
        out.add(f"blob/{place}", told(_digested(read(path), digest.update)))
        if digest.hexdigest() == path.name:
            first[path.name] = place
        else:
            damaged.append(place)
    return count, damaged


def put_blob(name: str, pieces: Iterator[bytes], root: Path, source: BackupReader, tell: Tell) -> None:
    """Put a file of a backup where it belongs below a folder; raise `BackupDamagedError` for anything else."""
    found = _BLOB.fullmatch(name)
    if not found:
        raise BackupDamagedError(
            f"{source.file} holds {name[:80]!r}, which is nothing that is restored there."
        )
    target = root.joinpath(*found.groups()[1:])
    if found[1] == "blob":
        write(target, pieces, source, tell)
        return
    first = b"".join(pieces).decode(errors="replace")
    if not _BLOB.fullmatch(f"blob/{first}") or not (root / first).is_file():
        raise BackupDamagedError(f"{source.file} names a file that is not in it: {first[:200]!r}.")
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    target.hardlink_to(root / first)


def write(target: Path, pieces: Iterator[bytes], source: BackupReader, tell: Tell) -> None:
    """Write a new file, durably."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        for piece in pieces:
            out.write(piece)
            tell("restoring", source.read_bytes, source.size)
        out.flush()
        os.fsync(out.fileno())


def sync_folders(root: Path) -> None:
    """Make the names in a folder and all below it durable."""
    for folder, _, _ in os.walk(root):
        sync_folder(Path(folder))


def read(path: Path) -> Iterator[bytes]:
    """Yield a file in pieces; one that was deleted meanwhile is empty."""
    try:
        opened = path.open("rb")
    except FileNotFoundError:
        return
    with opened:
        while piece := opened.read(PIECE):
            yield piece


class Passing:
    """Counts what passes, and tells of it."""

    def __init__(self, what: str, total: int, tell: Tell) -> None:
        self._what, self._total, self._tell, self._done = what, total, tell, 0

    def __call__(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the pieces as they are."""
        for piece in pieces:
            yield piece
            self._done += len(piece)
            self._tell(self._what, self._done, self._total)


def _digested(pieces: Iterator[bytes], update: Callable[[bytes], None]) -> Iterator[bytes]:
    for piece in pieces:
        update(piece)
        yield piece
