"""All blobs of a folder, one by one, and whether a backup that reads them is under way."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from auraos.core.errors import OperationalError
from auraos.storage.folder import is_locked

_LOCK = "backup.lock"


class BackupUnderWayError(OperationalError):
    """Another process makes a backup of this folder."""

    code = "backup-under-way"


def walk(root: Path) -> Iterator[Path]:
    """Yield every blob that is whole, as the path of its file."""
    for run in run_folders(root):
        try:
            names = sorted(entry.name for entry in run.iterdir())
        except FileNotFoundError:
            continue  # the run was deleted meanwhile
        yield from (run / name for name in names if not name.startswith("."))


def run_folders(root: Path) -> Iterator[Path]:
    """Yield the folder of every run that has files; its name is the run's id."""
    for workspace in _folders(root):
        yield from _folders(workspace)


@contextmanager
def keep_blobs(data: Path) -> Iterator[None]:
    """Hold all blobs of a data folder where they are: nobody sweeps orphans until the block ends."""
    descriptor = os.open(data / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BackupUnderWayError(f"A backup of {data} is under way already.") from error
        yield
    finally:
        os.close(descriptor)


def are_kept(data: Path) -> bool:
    """Return whether a backup is under way, so that no blob may be swept."""
    return is_locked(data / _LOCK)


def _folders(path: Path) -> list[Path]:
    try:
        return sorted(entry for entry in path.iterdir() if entry.is_dir())
    except FileNotFoundError:
        return []
