"""What AuraOS remembers of one user, outside of all data folders: small files that nobody else reads."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from auraos.core.errors import OperationalError
from auraos.storage.folder import write_durably


class StateFolderError(OperationalError):
    """The folder that remembers the data folders and the servers of this user cannot be used."""

    code = "state-folder"


class StateFile:
    """One such file. `holds` says in words what it remembers."""

    def __init__(self, path: Path, holds: str) -> None:
        self.path = path
        self._holds = holds

    def read(self) -> bytes:
        """Return what it holds; nothing where it is not there."""
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise self._unusable(error) from error

    def write(self, content: bytes) -> None:
        """Put this in its place, durably; only the user can read it."""
        write_durably(self.path, content, mode=0o600)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes from writing meanwhile."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = os.open(
                self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
            )
        except OSError as error:
            raise self._unusable(error) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        except OSError as error:
            raise self._unusable(error) from error
        finally:
            os.close(lock)

    def _unusable(self, error: OSError) -> StateFolderError:
        return StateFolderError(
            f"{self.path.parent}, which remembers {self._holds}, cannot be used: {error.strerror or error}.",
            hint="Name another folder in AURAOS_STATE_HOME.",
        )


def state_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder in which AuraOS keeps what it remembers of this user."""
    if environment.get("AURAOS_STATE_HOME"):
        return Path(environment["AURAOS_STATE_HOME"])
    base = environment.get("XDG_STATE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".local" / "state") / "auraos"
