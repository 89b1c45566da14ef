"""A line: those who wait, in order. The first is taken cheaply, and everybody's place is found without counting."""

from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

Key = TypeVar("Key", bound=Any)
WORTH_CLEARING = 512


class Line(Generic[Key]):
    """Keys in ascending order. Adding behind all others and taking the first cost the same however many there are."""

    __slots__ = ("_head", "_keys")

    def __init__(self) -> None:
        self._keys: list[Key] = []
        self._head = 0

    def __len__(self) -> int:
        return len(self._keys) - self._head

    def __iter__(self) -> Iterator[Key]:
        return iter(self._keys[self._head :])

    @property
    def first(self) -> Key:
        """Return whose turn is next."""
        return self._keys[self._head]

    def add(self, key: Key) -> None:
        """Stand in line."""
        keys = self._keys
        if not keys or keys[-1] <= key:
            keys.append(key)
        else:
            insort(keys, key, lo=self._head)

    def pop(self) -> Key:
        """Take the first out of the line."""
        key = self._keys[self._head]
        self._head += 1
        if self._head > WORTH_CLEARING and self._head * 2 > len(self._keys):
            del self._keys[: self._head]
            self._head = 0
        return key

    def remove(self, key: Key) -> bool:
        """Leave the line; return whether the key stood in it."""
        place = bisect_left(self._keys, key, lo=self._head)
        if place == len(self._keys) or self._keys[place] != key:
            return False
        del self._keys[place]
        return True

    def place(self, key: Key) -> int:
        """Return how many stand before this key."""
        return bisect_left(self._keys, key, lo=self._head) - self._head
