"""What is kept of settings: what is set where, and each change of it."""

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from auraos.core.audit import Entry
from auraos.settings.keys import Scope


class Place(msgspec.Struct, frozen=True):
    """Where something is set: for the whole installation, for a workspace, or for a person."""

    workspace: str = ""
    person: str = ""

    @property
    def scope(self) -> Scope:
        """Return what kind of place it is."""
        return "workspace" if self.workspace else "person" if self.person else "installation"


EVERYWHERE = Place()


class SettingRow(msgspec.Struct, frozen=True, kw_only=True):
    """What is set in one place. One that is set no more stays, so that its revisions go on."""

    name: str
    workspace: str = ""
    person: str = ""
    revision: int
    """The first change makes it 2: what was never set has the revision 1."""
    is_set: int
    value: Any = None
    at: int
    author: str

    @property
    def place(self) -> Place:
        """Return where it is set."""
        return Place(self.workspace, self.person)


class SettingChange(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a setting. `number` counts the changes of all settings."""

    number: int
    name: str
    workspace: str = ""
    person: str = ""
    revision: int
    before: Any = None
    after: Any = None
    at: int
    author: str
    """The name of who changed it."""
    why: str = ""


class SettingStore(Protocol):
    """Keeps settings."""

    async def mark(self) -> int:
        """Return the number of the last change of any setting; 0 before the first."""
        ...

    async def all(self) -> Sequence[SettingRow]:
        """Return all that is set, or was."""
        ...

    async def put(self, row: SettingRow, change: SettingChange, entry: Entry) -> bool:
        """Keep a row of the next revision with its change, whose number is given here; return whether the row was as before."""
        ...

    async def changes(self, name: str, place: Place, before: int, limit: int) -> Sequence[SettingChange]:
        """Return the changes in one place with a lower number, the last one first; 0 asks for the last of all."""
        ...
