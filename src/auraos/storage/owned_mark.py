"""The mark in a data folder that says: this installation had an owner. It outlives the database, and is never taken away."""

from pathlib import Path

from auraos.storage.folder import write_durably

NAME = "auraos.owned"


class OwnedMark:
    """The mark of one folder."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / NAME

    def is_set(self) -> bool:
        """Return whether there ever was an owner."""
        return self._file.exists() or self._file.is_symlink()

    def set(self) -> None:
        """Say, durably, that there is an owner."""
        if not self.is_set():
            write_durably(
                self._file, b"This installation has an owner. Nobody becomes the first one again.\n"
            )
