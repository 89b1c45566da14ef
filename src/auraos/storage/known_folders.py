"""The data folders that this user made or adopted, remembered outside of all of them.

A data folder may come from somebody else, within a cloned repository for instance, and with it runs that would go on with
the secrets of whoever calls the next command. So only a folder whose id is known here goes on by itself.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from auraos.core.errors import OperationalError
from auraos.storage.folder import write_durably


class StateFolderError(OperationalError):
    """The folder that remembers the data folders of this user cannot be used."""

    code = "state-folder"


class _Known(msgspec.Struct, frozen=True, kw_only=True):
    """What the file holds: the ids of folders, each with the path at which it was made or adopted."""

    format: int = 1
    folders: dict[str, str] = {}


class KnownFolders:
    """The ids of the data folders that are this user's own."""

    def __init__(self, state: Path) -> None:
        self._file = state / "folders.json"

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "KnownFolders":
        """Return those of the user with this environment."""
        return cls(state_folder(environment))

    def __contains__(self, identity: object) -> bool:
        return identity in self._read()

    def remember(self, identity: str, path: Path) -> None:
        """Know a folder from now on, durably, wherever it is moved to."""
        with self._alone():
            known = _Known(folders={**self._read(), identity: str(path.resolve())})
            write_durably(self._file, msgspec.json.format(msgspec.json.encode(known)) + b"\n", mode=0o600)

    def _read(self) -> dict[str, str]:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=_Known).folders
        except FileNotFoundError:
            return {}
        except msgspec.DecodeError as error:
            raise StateFolderError(
                f"{self._file} cannot be read: {error}.",
                hint="Remove it, and say of each data folder of yours: auraos data adopt DIR.",
            ) from error
        except OSError as error:
            raise self._unusable(error) from error

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from writing meanwhile."""
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = os.open(
                self._file.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
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
            f"{self._file.parent}, which remembers your data folders, cannot be used: {error.strerror or error}.",
            hint="Name another folder in AURAOS_STATE_HOME.",
        )


def state_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder in which AuraOS keeps what it remembers of this user."""
    if environment.get("AURAOS_STATE_HOME"):
        return Path(environment["AURAOS_STATE_HOME"])
    base = environment.get("XDG_STATE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".local" / "state") / "auraos"
