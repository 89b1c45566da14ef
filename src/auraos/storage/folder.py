"""The data folder: who may open it, and whether it is the folder that was set up before.

DIR/auraos.json   the marker: this folder was set up, and its store bears this key
DIR/auraos.db     the store        DIR/blobs/   large values
DIR/engine.lock   held by the one process whose engine runs on it
DIR/engine.sock   where that process listens
DIR/engine.work   which run it works on, should it die of that; a file for each process that shares the folder
"""

import fcntl
import os
from pathlib import Path

import msgspec

from auraos.core.errors import OperationalError, UserError

NETWORK_FILE_SYSTEMS = frozenset(
    {
        "9p", "afs", "beegfs", "ceph", "cifs", "coda", "fuse.cephfs", "fuse.glusterfs", "fuse.s3fs",
        "fuse.sshfs", "gfs", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "smb2",
        "smb3", "smbfs", "vboxsf", "virtiofs",
    }
)  # fmt: skip
"""File systems whose locks or shared memory do not hold between machines."""


OURS = ("auraos.db", "auraos.json", "auraos.owned", "engine.")
"""How the files of a data folder begin that this process writes to."""


class FolderInUseError(OperationalError):
    """Another process runs its engine on this folder."""

    code = "folder-in-use"


class NetworkFolderError(UserError):
    """A network file system cannot keep the promises that the store rests on."""

    code = "network-folder"


class FolderLinkError(UserError):
    """A file of the folder is a link: to write to it would change a file somewhere else."""

    code = "folder-link"


class NotAFolderError(UserError):
    """What was named as the data folder is a file."""

    code = "not-a-folder"


class MarkerError(OperationalError):
    """The marker of the folder cannot be read, or does not belong to the store beside it."""

    code = "marker-refused"


class Marker(msgspec.Struct, frozen=True, kw_only=True):
    """What the folder says of itself: its format, and the key that its store bears too."""

    format: int = 1
    store: str = "sqlite"
    key: str
    held: str = ""
    """Why nothing in it may move yet, as after a restore."""


class DataFolder:
    """A data folder that this process holds alone, until `release`."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock: int | None = lock

    @classmethod
    def claim(cls, path: Path) -> "DataFolder":
        """Take the folder for this process, making it where it is missing; raise `FolderInUseError` if
        another has it.
        """
        path = path.absolute()
        refuse_network(path)
        if path.exists() and not path.is_dir():
            raise _no_folder(path)
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        refuse_links(path)
        return cls(path, _lock(path / "engine.lock"))

    @property
    def database(self) -> Path:
        return self.path / "auraos.db"

    @property
    def blobs(self) -> Path:
        return self.path / "blobs"

    @property
    def socket(self) -> Path:
        return self.path / "engine.sock"

    @property
    def marker(self) -> Marker | None:
        """Return what the marker says; None in a folder that was never set up."""
        return read_marker(self.path)

    def write_marker(self, key: str, *, held: str = "") -> None:
        """Say, durably, that the folder is set up and its store bears this key."""
        write_marker(self.path, Marker(key=key, held=held))

    def release_hold(self) -> None:
        """Let everything in the folder move from now on."""
        marker = self.marker
        if marker is not None and marker.held:
            self.write_marker(marker.key)

    def release(self) -> None:
        """Let another process have the folder."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def read_marker(path: Path) -> Marker | None:
    """Return what the marker of a folder says; None where there is none."""
    file = path / "auraos.json"
    try:
        return msgspec.json.decode(file.read_bytes(), type=Marker)
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        raise _no_folder(path) from None
    except msgspec.DecodeError as error:
        raise MarkerError(
            f"{file} cannot be read: {error}.",
            hint='Restore it, or write {"key": "…"} with the key from the table meta of the store.',
        ) from error


def _no_folder(path: Path) -> NotAFolderError:
    return NotAFolderError(f"{path} is no folder.", hint="--data names the folder that keeps runs.")


def write_marker(path: Path, marker: Marker) -> None:
    """Put the marker of a folder in place, durably."""
    write_durably(path / "auraos.json", msgspec.json.encode(marker) + b"\n")


def write_durably(path: Path, content: bytes, *, mode: int = 0o666) -> None:
    """Put a whole file in place of an old one or of none, and return when a power cut can no longer undo
    it. `mode` says who may read it, as far as the process's mask allows.
    """
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def refuse_links(path: Path) -> None:
    """Raise `FolderLinkError` if a file of ours in the folder is a link, as in a folder that somebody prepared."""
    for entry in sorted(path.iterdir()):
        if entry.name.startswith(OURS) and entry.is_symlink():
            raise FolderLinkError(
                f"{entry} is a link to {entry.readlink()}: its file would be changed in place of one of this folder.",
                hint="Remove the link. The folder as a whole may be one.",
            )


def refuse_network(path: Path, mounts: str | None = None) -> None:
    """Raise `NetworkFolderError` if the folder lies on a network file system, as far as the mount table
    tells.
    """
    kind = file_system_of(path, mount_table() if mounts is None else mounts)
    if kind in NETWORK_FILE_SYSTEMS:
        raise NetworkFolderError(
            f"{path} lies on a network file system ({kind}), where locks do not hold.",
            hint="Use a folder on a local disk.",
        )


def file_system_of(path: Path, mounts: str) -> str:
    """Return the kind of file system under a path, read from a table in the form of /proc/self/mountinfo."""
    resolved = path.resolve()
    best, kind = -1, ""
    for line in mounts.splitlines():
        left, separator, right = line.partition(" - ")
        fields = left.split()
        if not separator or len(fields) < 5:
            continue
        point = Path(fields[4].encode().decode("unicode_escape"))
        if resolved.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), right.split()[0]
    return kind


def mount_table() -> str:
    """Return what is mounted where, in the form of /proc/self/mountinfo; nothing where the system does not tell."""
    try:
        return Path("/proc/self/mountinfo").read_text()
    except OSError:
        return ""


def is_held(path: Path) -> bool:
    """Return whether a process holds this folder now, or just takes or leaves it."""
    return is_locked(path / "engine.lock")


def is_locked(file: Path) -> bool:
    """Return whether some process has locked this file; one that is not there, nobody has."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _lock(file: Path) -> int:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
        os.close(descriptor)
        raise FolderInUseError(
            f"{file.parent} is in use by another process{f' (number {holder})' if holder.isdigit() else ''}.",
            hint="Ask that process, or stop it first.",
        ) from error
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor
