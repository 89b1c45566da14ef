"""Profiles: the servers that this user's commands talk to, and by what. They lie in a file that nobody else reads."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from auraos.core.errors import UserError
from auraos.storage.state_file import StateFile, StateFolderError, state_folder

LOCAL = "local"
"""The profile that is always there: the data folders of this machine, and no server."""


class NoProfileError(UserError):
    """There is no profile of this name."""

    code = "no-profile"


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """A server, and by what it knows this user."""

    url: str
    key: str
    """An API key, or what carries a session. It is shown nowhere."""
    kind: Literal["key", "session"] = "key"
    who: str = ""
    workspace: str = ""
    """The one that commands are about; empty where the server decides."""
    authority: str = ""
    """A file of the certificate authority that the server is trusted by, beside those of the system."""
    ends_at: int = 0
    """When the session is over, in microseconds since 1970."""

    def __repr__(self) -> str:
        return f"Profile({self.url!r}, {self.who!r})"


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What the file holds."""

    format: int = 1
    current: str = LOCAL
    profiles: dict[str, Profile] = {}


class Profiles:
    """The profiles of one user."""

    def __init__(self, state: Path) -> None:
        self._file = StateFile(state / "profiles.json", "your servers")

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Profiles":
        """Return those of the user with this environment."""
        return cls(state_folder(environment))

    @property
    def current(self) -> str:
        """Return the name of the one in use."""
        return self._read().current

    def all(self) -> dict[str, Profile]:
        """Return all profiles by name."""
        return self._read().profiles

    def find(self, name: str) -> Profile:
        """Return a profile; raise `NoProfileError` where there is none."""
        found = self._read().profiles.get(name)
        if found is None:
            raise NoProfileError(
                f"There is no profile {name!r}.",
                hint="`auraos profiles list` lists them, `auraos login URL` makes one.",
            )
        return found

    def keep(self, name: str, profile: Profile, *, use: bool) -> None:
        """Keep a profile under a name, and use it from now on if that is wanted."""
        with self._file.alone():
            kept = self._read()
            self._write(
                msgspec.structs.replace(
                    kept,
                    profiles={**kept.profiles, name: profile},
                    current=name if use else kept.current,
                )
            )

    def use(self, name: str) -> None:
        """Use a profile from now on, or none with `local`; raise `NoProfileError` where there is none."""
        if name != LOCAL:
            self.find(name)
        with self._file.alone():
            self._write(msgspec.structs.replace(self._read(), current=name))

    def forget(self, name: str) -> None:
        """Forget a profile with its key; where it was in use, no server is from now on."""
        self.find(name)
        with self._file.alone():
            kept = self._read()
            left = {known: profile for known, profile in kept.profiles.items() if known != name}
            current = LOCAL if kept.current == name else kept.current
            self._write(msgspec.structs.replace(kept, profiles=left, current=current))

    def _read(self) -> _Kept:
        try:
            return msgspec.json.decode(self._file.read() or b"{}", type=_Kept)
        except msgspec.DecodeError as error:
            raise StateFolderError(
                f"{self._file.path} cannot be read: {error}.", hint="Remove it, and `auraos login` once more."
            ) from error

    def _write(self, kept: _Kept) -> None:
        self._file.write(msgspec.json.format(msgspec.json.encode(kept)) + b"\n")
