"""The data folders that this user made or adopted, remembered outside of all of them.

A data folder may come from somebody else, within a cloned repository for instance, and with it runs that would go on with
the secrets of whoever calls the next command. So only a folder whose id is known here goes on by itself.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from auraos.storage.state_file import StateFile, StateFolderError, state_folder


class _Known(msgspec.Struct, frozen=True, kw_only=True):
    """What the file holds: the ids of folders, each with the path at which it was made or adopted."""

    format: int = 1
    folders: dict[str, str] = {}


class KnownFolders:
    """The ids of the data folders that are this user's own."""

    def __init__(self, state: Path) -> None:
        self._file = StateFile(state / "folders.json", "your data folders")

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "KnownFolders":
        """Return those of the user with this environment."""
        return cls(state_folder(environment))

    def __contains__(self, identity: object) -> bool:
        return identity in self._read()

    def remember(self, identity: str, path: Path) -> None:
        """Know a folder from now on, durably, wherever it is moved to."""
        with self._file.alone():
            known = _Known(folders={**self._read(), identity: str(path.resolve())})
            self._file.write(msgspec.json.format(msgspec.json.encode(known)) + b"\n")

    def _read(self) -> dict[str, str]:
        try:
            return msgspec.json.decode(self._file.read() or b"{}", type=_Known).folders
        except msgspec.DecodeError as error:
            raise StateFolderError(
                f"{self._file.path} cannot be read: {error}.",
                hint="Remove it, and say of each data folder of yours: auraos data adopt DIR.",
            ) from error
