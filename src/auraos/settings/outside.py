"""Values that come from outside of the store: the words of the command, the environment, and a file beside the data.

They pin a setting: what is stored for the installation waits until they are gone. So whoever has the machine in hand always has
the last word, and what a file in a repository says is what holds.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec

from auraos.core.document.parser import parse
from auraos.settings.errors import SettingRefusedError
from auraos.settings.keys import Keys

Source: TypeAlias = Literal["default", "stored", "file", "environment", "command"]
PREFIX = "AURAOS_SETTING_"
FILE = "settings.yaml"
LARGEST_FILE = 1_000_000


class Pinned(msgspec.Struct, frozen=True):
    """A value that comes from outside."""

    value: Any
    source: Source
    where: str
    """As in `AURAOS_SETTING_LOG_LEVEL`."""


def variable(name: str) -> str:
    """Return the variable of the environment that sets a key."""
    return PREFIX + name.upper().replace(".", "_").replace("-", "_")


class Outside:
    """The values from outside. The file is read again when it changed."""

    def __init__(
        self,
        keys: Keys,
        *,
        file: Path | None = None,
        environment: Mapping[str, str] = os.environ,
        command: Mapping[str, Any] | None = None,
    ) -> None:
        self._keys = keys
        self._file = file
        self._fixed = self._from_environment(environment) | self._from_command(command or {})
        self._read: tuple[int, int] | None = None
        self.pinned: dict[str, Pinned] = dict(self._fixed)
        self.look()

    def look(self) -> bool:
        """Read the file if it changed; return whether it did. Raise `SettingRefusedError` and keep what was where it is wrong."""
        mark = self._mark()
        if mark == self._read:
            return False
        self._read = mark
        self.pinned = {**self._from_file(), **self._fixed}
        return True

    def _mark(self) -> tuple[int, int] | None:
        if self._file is None:
            return None
        try:
            found = self._file.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size

    def _from_environment(self, environment: Mapping[str, str]) -> dict[str, Pinned]:
        found, known = {}, {variable(name): name for name in self._keys}
        for each, text in environment.items():
            if not each.startswith(PREFIX):
                continue
            name = known.get(each)
            if name is None:
                raise SettingRefusedError(
                    f"{each} names no setting.", hint="`auraos settings list` tells all with their variables."
                )
            found[name] = Pinned(self._keys[name].read(text), "environment", each)
        return found

    def _from_command(self, command: Mapping[str, Any]) -> dict[str, Pinned]:
        return {
            name: Pinned(self._keys[name].read(value), "command", "the command line")
            for name, value in command.items()
        }

    def _from_file(self) -> dict[str, Pinned]:
        if self._file is None or self._read is None:
            return {}
        where = str(self._file)
        try:
            with self._file.open(encoding="utf-8") as opened:
                text = opened.read(LARGEST_FILE)
        except (OSError, UnicodeDecodeError) as error:
            raise SettingRefusedError(f"{where} cannot be read: {error}.") from error
        parsed = parse(text)
        for problem in parsed.problems:
            line = f":{problem.place.line}" if problem.place else ""
            raise SettingRefusedError(f"{where}{line}: {problem.message}", hint=problem.hint)
        if parsed.tree is None:
            return {}
        given = parsed.tree.value
        if not isinstance(given, dict):
            raise SettingRefusedError(
                f"{where} holds no settings.", hint="Each line is as in `log.level: debug`."
            )
        for name in given:
            if name not in self._keys:
                raise SettingRefusedError(
                    f"{where}: there is no setting {name[:60]!r}.", hint="`auraos settings list` tells all."
                )
        return {name: Pinned(self._keys[name].read(value), "file", where) for name, value in given.items()}
