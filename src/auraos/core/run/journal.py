"""Facts as bytes: JSON, so that a journal can be read with any tool; values keep their kinds by their wire form."""

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import msgspec

from auraos.core.errors import UnexpectedError
from auraos.core.run import facts
from auraos.core.run.facts import AnyFact
from auraos.core.run.large import LargeValues, Reading, has_references, refuse_vast
from auraos.core.run.parts import UnderWay
from auraos.core.values import Value, from_wire, to_wire


class UnreadableFactError(UnexpectedError):
    """A stored fact that this release cannot read; its run is parked, never guessed at."""

    code = "unreadable-fact"


VALUES: dict[type, tuple[str, ...]] = {
    facts.StepError: ("data",),
    facts.Inherited: ("output", "parameters"),
    UnderWay: ("items",),
    facts.Page: ("items", "last", "names"),
    facts.UndoEntry: ("settings",),
    facts.Result: ("output",),
    facts.RunStarted: ("input", "variables", "trigger"),
    facts.RunAdmitted: ("input",),
    facts.StepSucceeded: ("output",),
    facts.StepResolved: ("output",),
    facts.SignalReceived: ("data",),
    facts.EventReceived: ("event",),
    facts.Answered: ("data",),
    facts.ChildFinished: ("output",),
    facts.RunResumed: ("variables",),
    facts.StepGranted: ("parameters",),
    facts.DoubtRaised: ("parameters",),
    facts.StepSettled: ("output",),
    facts.LoopEntered: ("items",),
    facts.WaitStarted: ("details",),
    facts.RunFinished: ("output",),
}
"""Which fields hold values of the language."""

NESTED: dict[type, tuple[str, ...]] = {
    facts.StepError: ("cause",),
    facts.Inherited: ("error", "undo", "under_way"),
    facts.Carried: ("signals",),
    facts.UndoEntry: ("entries", "error"),
    facts.Result: ("error",),
    facts.RunStarted: ("inherited", "page", "moved"),
    facts.StepFailed: ("error",),
    facts.StepUnknown: ("error",),
    facts.ChildFinished: ("error", "undo"),
    facts.Computed: ("results",),
    facts.DoubtRaised: ("error",),
    facts.StepSettled: ("error", "undo"),
    facts.RunFinished: ("error",),
}
"""Which fields hold structures that hold values in turn."""

VERSIONS: dict[str, int] = {}
"""Facts whose shape has changed since the first release, and their present version."""

UPCASTERS: dict[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""How a fact of a version becomes one of the next; they stay for ever."""

Tables: TypeAlias = tuple[dict[type, tuple[str, ...]], dict[type, tuple[str, ...]]]
_S = TypeVar("_S", bound=msgspec.Struct)
SPARE_DEPTH = 100
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(AnyFact).decode


def encode_fact(fact: AnyFact, large: LargeValues | None = None) -> bytes:
    """Return the stored form of a fact; raise `ValueRefusedError` for a value that cannot be kept.

    With `large`, what is large in it becomes a reference, and waits there to be kept first.
    """
    if large is not None:
        return _encode(convert_struct(fact, large.to_stored))
    return _encode(fact if _is_plain(fact) else convert_struct(fact, _to_stored))


def encode_success(fact: facts.StepSucceeded, largest: int) -> bytes:
    """Return the stored form of a success that a step has just brought; refuse an output that is no value, or too large."""
    output = fact.output
    plain = to_wire(output) is output
    stored = _encode(fact) if plain else encode_fact(fact)
    if len(stored) > largest:
        refuse_vast(output, largest)
    return stored


def decode_fact(stored: bytes, reading: Reading | None = None) -> AnyFact:
    """Return the fact that `encode_fact` wrote, in this release or an earlier one; raise `UnreadableFactError` else.

    `reading` fetches large values; without it references stand for them.
    """
    try:
        fact = read_line(stored)
        if b'"$' not in stored:
            return fact
        if has_references(stored):
            return convert_struct(fact, (reading or Reading()).from_stored)
        return convert_struct(fact, from_wire)
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as error:
        raise UnreadableFactError(
            f"A fact of this journal cannot be read: {error}.",
            hint="It was written by a newer release, or the file was changed; nothing is done with this run meanwhile.",
        ) from error


def read_line(stored: bytes) -> AnyFact:
    """Return a fact as it is written, its values in their wire form."""
    fact: AnyFact = _decode(_upcast(stored) if b'"v":' in stored else stored)
    return fact


def fill_fact(fact: AnyFact, reading: Reading) -> AnyFact:
    """Return a fact that was read without its large values with them; itself where it has none."""
    return convert_struct(fact, reading.fill)


def _upcast(stored: bytes) -> bytes:
    """Bring a fact of an earlier version to the present one, step by step; `v` is written only where it is not 1."""
    raw: dict[str, Any] = msgspec.json.decode(stored)
    name, version = str(raw.get("fact")), raw.get("v", 1)
    newest = VERSIONS.get(name, 1)
    if type(version) is not int or not 1 <= version <= newest:
        raise UnreadableFactError(
            f"A fact {name} of version {version} is unknown to this release, which knows 1 to {newest}.",
            hint="Run this journal with the release that wrote it, or a later one.",
        )
    while version < newest:
        raw = UPCASTERS[name, version](raw)
        version += 1
    raw["v"] = newest
    return _encode(raw)


def encode_struct(struct: msgspec.Struct, values: Tables, large: LargeValues | None = None) -> bytes:
    """Return another structure as bytes, with the values that the tables name in their wire form."""
    return _encode(convert_struct(struct, _to_stored if large is None else large.to_named, values))


def decode_struct(stored: bytes, kind: type[_S], values: Tables, reading: Reading | None = None) -> _S:
    """Return the structure that `encode_struct` wrote."""
    convert = (reading or Reading()).from_stored if has_references(stored) else from_wire
    return convert_struct(msgspec.json.decode(stored, type=kind), convert, values)


def _is_plain(struct: msgspec.Struct) -> bool:
    """Return whether all values in a structure are their own wire form, as they are in almost all facts."""
    kind = type(struct)
    if type(struct) is facts.Computed:  # of the many results of pure steps nothing is looked up
        for result in struct.results:
            output = result.output
            if result.error is not None or to_wire(output, -SPARE_DEPTH) is not output:
                return False
        return True
    for name in VALUES.get(kind, ()):
        value = getattr(struct, name)
        if value is not None and to_wire(value, -SPARE_DEPTH) is not value:
            return False
    for name in NESTED.get(kind, ()):
        inner = getattr(struct, name)
        if not inner:
            continue
        if type(inner) is list or type(inner) is tuple:
            if not all(map(_is_plain, inner)):
                return False
        elif not _is_plain(inner):
            return False
    return True


def _to_stored(value: Value) -> Any:
    """Return the wire form; what containers, waits and snapshots put around a value may be deeper than the value may be."""
    return to_wire(value, -SPARE_DEPTH)


def convert_struct(struct: _S, convert: Callable[[Any], Any], tables: Tables | None = None) -> _S:
    """Return the structure with its values, or what the tables name, converted; itself where that changes nothing."""
    kind = type(struct)
    values, nested = tables or (VALUES, NESTED)
    changes: dict[str, Any] = {}
    for name in values.get(kind, ()):
        value = getattr(struct, name)
        converted = convert(value)
        if converted is not value:
            changes[name] = converted
    for name in nested.get(kind, ()):
        inner = getattr(struct, name)
        if inner is None or (not inner and not isinstance(inner, msgspec.Struct)):
            continue
        if isinstance(inner, msgspec.Struct):
            converted = convert_struct(inner, convert, tables)
            if converted is not inner:
                changes[name] = converted
            continue
        items = [convert_struct(item, convert, tables) for item in inner]
        if any(new is not old for new, old in zip(items, inner, strict=True)):
            changes[name] = tuple(items) if isinstance(inner, tuple) else items
    return msgspec.structs.replace(struct, **changes) if changes else struct
