"""Large values: what is over 64 KB lies in a blob of its run, and the fact holds a reference in its place.

In the wire form a reference is `{"$blob": {hash, size}}`, and in the place of a list `[{"$items": {hash, size}}]`, so that
a field that must be a list stays one. User data cannot pose as either, for a key of a user that begins with `$` is written
`$$…`; and `from_wire`, which reads what comes from outside, knows neither.

What a blob holds is a wire form again, in which references may stand: a value that already lies in a blob is named and
not written twice, as long as it is the same object in memory.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import msgspec

from auraos.core.values import Hidden, Value, ValueReference, ValueRefusedError, from_wire, to_wire

LARGE = 64 * 1024
"""So many bytes of JSON a value may have before it goes into a blob."""
MOST_KNOWN = 64 * 1024 * 1024
"""So many bytes of values are remembered, to be named when they come again."""
LARGEST = 64_000_000
"""So many bytes of JSON a value may have at most, unless the installation says otherwise."""
FEW = 100
"""Of a container with at most so many parts, each part may go into a blob of its own."""
SPARE_DEPTH = 100
_encode = msgspec.json.Encoder().encode

Fetch = Callable[[ValueReference], bytes]


class LargeValues:
    """Which objects in memory lie in which blobs of one run. `fresh` holds what is to be kept before it is named: by hash. What
    a private run keeps is under its seal.
    """

    def __init__(self, seal: Callable[[bytes], bytes] | None = None) -> None:
        self._seal = seal
        self.bytes = 0
        self.fresh: dict[str, bytes] = {}
        self._known: OrderedDict[int, tuple[Value, ValueReference]] = OrderedDict()

    def to_stored(self, value: Value) -> Any:
        """Return the wire form of a value, with references in place of what is large."""
        kind = type(value)
        if kind is not str and not isinstance(value, dict | list | tuple):
            return to_wire(value, -SPARE_DEPTH)
        found = self._known.get(id(value))
        if found is not None:
            return to_wire(found[1])
        wire = to_wire(value, -SPARE_DEPTH)
        content = _encode(wire)
        if len(content) <= LARGE:
            return wire
        if kind is not str:
            wire = self._divided(value)
            content = _encode(wire)
            if len(content) <= LARGE:
                return wire
        if self._seal is not None:
            content = self._seal(content)
        hashed = hashlib.sha256(content).hexdigest()
        reference = ValueReference(hash=hashed, size=len(content), is_list=isinstance(value, list | tuple))
        self.fresh[hashed] = content
        self.know(value, reference)
        return to_wire(reference)

    def to_named(self, value: Value) -> Any:
        """Return the wire form of something that changes yet, such as a state: what lies in a blob is named, and nothing new
        goes into one.
        """
        found = self._known.get(id(value))
        if found is not None:
            return to_wire(found[1])
        if isinstance(value, dict):
            return {"$" + key if key[:1] == "$" else key: self.to_named(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.to_named(item) for item in value]
        return to_wire(value, -SPARE_DEPTH)

    def know(self, value: Value, reference: ValueReference) -> None:
        """Remember in which blob an object lies."""
        if id(value) in self._known:
            return
        self._known[id(value)] = (value, reference)
        self.bytes += reference.size
        while self.bytes > MOST_KNOWN and len(self._known) > 1:
            _, (_, first) = self._known.popitem(last=False)
            self.bytes -= first.size

    def _divided(self, value: Value) -> Any:
        """Return the wire form of a container whose large parts are references."""
        to_part = self.to_stored if len(value) <= FEW else self._named
        if isinstance(value, dict):
            return {"$" + key if key[:1] == "$" else key: to_part(item) for key, item in value.items()}
        return [to_part(item) for item in value]

    def _named(self, value: Value) -> Any:
        found = self._known.get(id(value))
        return to_wire(value if found is None else found[1], -SPARE_DEPTH)


class Reading:
    """Reads wire forms with references in them: each blob is fetched once, and gives one object. Without `fetch` the
    references themselves stand for the values.
    """

    def __init__(self, fetch: Fetch | None = None, known: LargeValues | None = None) -> None:
        self._fetch = fetch
        self._known = known
        self._read: dict[str, Value] = {}

    def from_stored(self, wire: Any) -> Value:
        """Return the value that `LargeValues.to_stored` wrote."""
        kind = type(wire)
        if kind is dict:
            if len(wire) == 1:
                ((key, inner),) = wire.items()
                if key == "$blob":
                    return self._value(inner, is_list=False)
                if key == "$hidden":
                    return Hidden(why=inner)
                if key[:1] == "$" and key[:2] != "$$":
                    return from_wire(wire)
            return {key[1:] if key[:2] == "$$" else key: self.from_stored(item) for key, item in wire.items()}
        if kind is list:
            if len(wire) == 1 and type(wire[0]) is dict and "$items" in wire[0]:
                return self._value(wire[0]["$items"], is_list=True)
            return [self.from_stored(item) for item in wire]
        return wire

    def fill(self, value: Value) -> Value:
        """Return a value in which what references stand for is in their place; itself where there are none."""
        if isinstance(value, ValueReference):
            return self._fetched(value)
        if isinstance(value, dict):
            filled = {key: self.fill(item) for key, item in value.items()}
            return filled if any(filled[key] is not item for key, item in value.items()) else value
        if isinstance(value, list):
            items = [self.fill(item) for item in value]
            return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
        return value

    def _value(self, inner: Any, *, is_list: bool) -> Value:
        return self._fetched(
            ValueReference(hash=str(inner["hash"]), size=int(inner["size"]), is_list=is_list)
        )

    def _fetched(self, reference: ValueReference) -> Value:
        if self._fetch is None:
            return reference
        if reference.hash not in self._read:
            content = self._fetch(reference)
            value = self._read[reference.hash] = self.from_stored(msgspec.json.decode(content))
            if self._known is not None:
                self._known.know(value, reference)
        return self._read[reference.hash]


def refuse_vast(value: Value, largest: int = LARGEST) -> None:
    """Raise `ValueRefusedError` for what is no value of the language, and for one of more bytes than may be kept."""
    size = len(_encode(to_wire(value)))
    if size > largest:
        raise ValueRefusedError(
            f"It has {size:,} bytes, and a value may have {largest:,}.",
            hint="Keep it in a file, or raise the limit: auraos serve --largest-value.",
        )


def has_references(stored: bytes) -> bool:
    """Return whether a stored fact may hold what stands for values: references to large ones, and signs of hidden ones."""
    return b'"$blob"' in stored or b'"$items"' in stored or b'"$hidden"' in stored
