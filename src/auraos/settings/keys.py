"""The keys of settings: each declared once, with the kind of its value, its default and its bounds, and where it can be set."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from datetime import timedelta
from difflib import get_close_matches
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar

from auraos.core.values import ValueRefusedError, format_duration, parse_duration
from auraos.settings.errors import NoSettingError, SettingRefusedError

T = TypeVar("T")
Scope: TypeAlias = Literal["installation", "workspace", "person"]
LONGEST_TEXT: Final = 1000


class Key(ABC, Generic[T]):
    """One setting. What is set nearer goes before what is set for all; where it `narrows`, the lowest of them holds."""

    def __init__(
        self, name: str, default: T, words: str, *, scopes: tuple[Scope, ...] = ("installation",), narrows: bool = False
    ) -> None:  # fmt: skip
        self.name = name
        self.default = default
        self.words = words
        self.scopes = scopes
        self.narrows = narrows

    @abstractmethod
    def read(self, given: Any) -> T:
        """Return a value as the program uses it, from JSON or from a text of the environment; raise `SettingRefusedError`."""

    def told(self, value: T) -> Any:
        """Return a value as JSON."""
        return value

    @abstractmethod
    def schema(self) -> dict[str, Any]:
        """Return what a value must be, as a JSON Schema."""

    def refused(self, given: Any, expected: str) -> SettingRefusedError:
        """Return what is told of a value that it cannot have."""
        shown = repr(given)
        return SettingRefusedError(
            f"{self.name} cannot be {shown if len(shown) < 80 else shown[:80] + '…'}.",
            hint=f"It is {expected}.",
            setting=self.name,
        )


class DurationKey(Key[timedelta]):
    """A length of time, written as in `7d` or `1h30m`."""

    def __init__(
        self,
        name: str,
        default: str,
        words: str,
        *,
        least: str,
        most: str,
        scopes: tuple[Scope, ...] = ("installation",),
        narrows: bool = False,
    ) -> None:
        super().__init__(name, parse_duration(default), words, scopes=scopes, narrows=narrows)
        self._least, self._most = parse_duration(least), parse_duration(most)

    def read(self, given: Any) -> timedelta:
        """Return a length of time."""
        expected = (
            f"a length of time from {format_duration(self._least)} to {format_duration(self._most)}, as in"
            f" {format_duration(self.default)}"
        )
        try:
            span = parse_duration(given) if isinstance(given, str) else None
        except ValueRefusedError:
            span = None
        if span is None or not self._least <= span <= self._most:
            raise self.refused(given, expected)
        return span

    def told(self, value: timedelta) -> str:
        """Return it as it is written."""
        return format_duration(value)

    def schema(self) -> dict[str, Any]:
        """Return what a value must be."""
        return {
            "type": "string",
            "format": "auraos-duration",
            "minimum": format_duration(self._least),
            "maximum": format_duration(self._most),
        }


class NumberKey(Key[int]):
    """A whole number."""

    def __init__(
        self,
        name: str,
        default: int,
        words: str,
        *,
        least: int,
        most: int,
        scopes: tuple[Scope, ...] = ("installation",),
        narrows: bool = False,
    ) -> None:
        super().__init__(name, default, words, scopes=scopes, narrows=narrows)
        self._least, self._most = least, most

    def read(self, given: Any) -> int:
        """Return a whole number."""
        if isinstance(given, str) and given.isascii() and given.isdigit() and len(given) < 16:
            given = int(given)
        is_number = isinstance(given, int) and not isinstance(given, bool)
        if not is_number or not self._least <= given <= self._most:
            raise self.refused(given, f"a whole number from {self._least} to {self._most}")
        return int(given)

    def schema(self) -> dict[str, Any]:
        """Return what a value must be."""
        return {"type": "integer", "minimum": self._least, "maximum": self._most}


class SwitchKey(Key[bool]):
    """On or off."""

    def read(self, given: Any) -> bool:
        """Return whether it is on."""
        given = {"true": True, "false": False}.get(given, given) if isinstance(given, str) else given
        if not isinstance(given, bool):
            raise self.refused(given, "true or false")
        return given

    def schema(self) -> dict[str, Any]:
        """Return what a value must be."""
        return {"type": "boolean"}


class ChoiceKey(Key[str]):
    """One of a few words."""

    def __init__(
        self,
        name: str,
        default: str,
        words: str,
        *,
        choices: tuple[str, ...],
        scopes: tuple[Scope, ...] = ("installation",),
    ) -> None:
        super().__init__(name, default, words, scopes=scopes)
        self._choices = choices

    def read(self, given: Any) -> str:
        """Return one of the words."""
        if given not in self._choices:
            raise self.refused(given, f"one of {', '.join(self._choices)}")
        return str(given)

    def schema(self) -> dict[str, Any]:
        """Return what a value must be."""
        return {"enum": list(self._choices)}


class Keys(Mapping[str, Key[Any]]):
    """All keys by name."""

    def __init__(self, keys: Iterable[Key[Any]]) -> None:
        self._keys = {key.name: key for key in keys}

    def __getitem__(self, name: str) -> Key[Any]:
        return self._keys[name]

    def __iter__(self) -> Any:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, name: str, scope: Scope) -> Key[Any]:
        """Return a key that can be set in such a place; raise `NoSettingError`."""
        key = self._keys.get(name)
        if key is None:
            near = get_close_matches(name, self._keys, n=1)
            raise NoSettingError(
                f"There is no setting {name[:60]!r}.",
                hint=f"Did you mean {near[0]!r}?" if near else "`auraos settings list` tells all.",
            )
        if scope not in key.scopes:
            raise NoSettingError(
                f"{name} is not set for a {scope}.",
                hint=f"It is set for: {', '.join(key.scopes)}.",
            )
        return key
