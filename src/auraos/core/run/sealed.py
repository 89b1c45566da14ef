"""Facts of private runs: what they tell is under seal, and what they say of the course of the run stays clear.

A sealed line begins with `{"$sealed":"…",`: the id of the run whose key sealed it, empty for the run whose journal it is. No
fact begins so by itself, whatever it holds. In the place of each value stands `{"$sealed": "<base64>"}`, in the place of a list
the same within a list, with the number of its items; in the place of a text, the base64 itself.

Where the key is gone, or is not for whoever reads, a `Hidden` stands for each value; the fold goes through all the same.
"""

import base64
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Literal, TypeAlias

import msgspec

from auraos.core.run import facts
from auraos.core.run.facts import AnyFact
from auraos.core.run.journal import (
    NESTED,
    VALUES,
    Tables,
    convert_struct,
    decode_fact,
    encode_fact,
    read_line,
)
from auraos.core.run.parts import Keyed
from auraos.core.values import Hidden, Value, to_wire

Cipher: TypeAlias = Callable[[bytes], bytes]
Why: TypeAlias = Literal["erased", "redacted"]

MARK: Final = b'{"$sealed":"'
TEXTS: Final[dict[type, tuple[str, ...]]] = {
    facts.StepError: ("message", "hint"),
    facts.RunRefused: ("message",),
    facts.StepResolved: ("message",),
    facts.SignalReceived: ("key",),
    facts.Answered: ("comment",),
    facts.RunPaused: ("reason",),
    facts.RunMoved: ("reason",),
    facts.Carried: ("reason",),
    facts.CancelRequested: ("reason",),
    facts.RunQuarantined: ("reason",),
    facts.StepGranted: ("key", "cache_key"),
    facts.WaitStarted: ("key",),
    facts.UndoEntry: ("key",),
    facts.Inherited: ("key",),
    Keyed: ("key", "given"),
}
"""Which fields hold words that may tell something of the data."""
_NESTED: Final = {**NESTED, facts.RunStarted: (*NESTED[facts.RunStarted], "keyed")}
_MAPPINGS: Final[dict[type, tuple[str, ...]]] = {
    facts.RunStarted: ("variables",),
    facts.RunResumed: ("variables",),
    facts.UndoEntry: ("settings",),
    facts.Page: ("names",),
}
"""Which fields are mappings always; nothing of them is there when it is hidden."""
_OF_VALUES: Final[Tables] = (
    {kind: names for kind, names in VALUES.items() if kind is not facts.WaitStarted},
    _NESTED,
)
_OF_DETAILS: Final[Tables] = ({facts.WaitStarted: VALUES[facts.WaitStarted]}, {})
"""What a wait is about holds switches of the machine, which stay clear, beside what it tells."""
_OF_TEXTS: Final[Tables] = (TEXTS, _NESTED)
_OF_MAPPINGS: Final[Tables] = (_MAPPINGS, _NESTED)
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def is_sealed(line: bytes) -> bool:
    """Return whether a line, or a stretch of a journal that begins with it, is under seal."""
    return line.startswith(MARK)


def sealed_by(line: bytes) -> str:
    """Return the run whose key sealed a line; empty for the run whose journal it is."""
    return line[len(MARK) : line.index(b'"', len(MARK))].decode()


def seal_line(line: bytes, seal: Cipher, by: str = "") -> bytes:
    """Return an encoded fact with all that it tells under seal."""
    each = partial(_sealed, seal)
    fact = convert_struct(read_line(line), each, _OF_VALUES)
    fact = convert_struct(fact, partial(_in_details, each), _OF_DETAILS)
    fact = convert_struct(fact, lambda text: text and _text(seal(text.encode())), _OF_TEXTS)
    return MARK + by.encode() + b'",' + _encode(fact)[1:]


def open_line(line: bytes, unseal: Cipher | None, why: Why = "erased") -> bytes:
    """Return an encoded fact as it was before it was sealed; without a key with `Hidden` in the place of each value."""
    bare = b"{" + line[line.index(b'",') + 2 :]
    fact = read_line(bare)
    if unseal is None:
        return _encode(_hidden(fact, why))
    each = partial(_opened, unseal)
    fact = convert_struct(fact, each, _OF_VALUES)
    fact = convert_struct(fact, partial(_in_details, each), _OF_DETAILS)
    fact = convert_struct(fact, lambda text: text and unseal(base64.b64decode(text)).decode(), _OF_TEXTS)
    return _encode(fact)


def seal_stretch(lines: bytes, seal: Cipher) -> bytes:
    """Return a stretch of a journal under seal."""
    return b"\n".join([seal_line(line, seal) for line in lines.split(b"\n")]) if lines else lines


def open_stretch(lines: bytes, unseal: Cipher | None, why: Why = "erased") -> bytes:
    """Return a stretch of a journal as it was before it was sealed."""
    return b"\n".join(
        [open_line(line, unseal, why) if is_sealed(line) else line for line in lines.split(b"\n")]
    )


def hide(fact: AnyFact, why: Why = "redacted") -> AnyFact:
    """Return a fact as those see it who may see the course of the run and not what it is about."""
    return decode_fact(_encode(_hidden(read_line(encode_fact(fact)), why)))


def seal_value(value: Value, seal: Cipher) -> Any:
    """Return any value under seal, in a form that is kept as JSON."""
    return {"$sealed": _text(seal(_encode(to_wire(value))))}


def open_value(sealed: Any, unseal: Cipher) -> Any:
    """Return the wire form of what `seal_value` sealed."""
    return _decode(unseal(base64.b64decode(sealed["$sealed"])))


def _hidden(fact: AnyFact, why: Why) -> AnyFact:
    fact = convert_struct(fact, lambda _: {}, _OF_MAPPINGS)
    each = partial(_hide, why)
    fact = convert_struct(fact, each, _OF_VALUES)
    fact = convert_struct(fact, partial(_in_details, each), _OF_DETAILS)
    return convert_struct(fact, lambda text: text and "", _OF_TEXTS)


def _in_details(change: Callable[[Any], Any], details: Any) -> Any:
    if not isinstance(details, dict) or "$sealed" in details or "$hidden" in details:
        return change(details)
    return {name: value if isinstance(value, bool) else change(value) for name, value in details.items()}


def _sealed(seal: Cipher, wire: Any) -> Any:
    if _is_empty(wire):
        return wire
    box = {"$sealed": _text(seal(_encode(wire)))}
    return [{**box, "items": len(wire)}] if isinstance(wire, list | tuple) else box


def _opened(unseal: Cipher, wire: Any) -> Any:
    box = wire[0] if isinstance(wire, list) and wire else wire
    if not isinstance(box, dict) or "$sealed" not in box:
        return wire
    return _decode(unseal(base64.b64decode(box["$sealed"])))


def _hide(why: Why, wire: Any) -> Any:
    if _is_empty(wire) or _is_hidden(wire):
        return wire
    hidden = to_wire(Hidden(why=why))
    if not isinstance(wire, list | tuple):
        return hidden
    box = wire[0]
    known = isinstance(box, dict) and "$sealed" in box and len(wire) == 1
    return [hidden] * (box["items"] if known else len(wire))


def _is_empty(wire: Any) -> bool:
    return wire is None or (isinstance(wire, dict | list | tuple) and not wire)


def _is_hidden(wire: Any) -> bool:
    return isinstance(wire, dict) and "$hidden" in wire


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


__all__ = [
    "Cipher",
    "Why",
    "hide",
    "is_sealed",
    "open_line",
    "open_stretch",
    "open_value",
    "seal_line",
    "seal_stretch",
    "seal_value",
    "sealed_by",
]
