"""Where a run comes from, and which part of another one it carries out: what its first fact says of that."""

from typing import Any, Literal

import msgspec

from auraos.core.values import Value


class TakenOver(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An earlier run of which a new one takes over what it did; `undone` names what was taken back from outside since."""

    run: str
    undone: tuple[str, ...] = ()


class Parent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The run that this one comes from, where in it, and how."""

    run: str
    kind: Literal["call", "page", "retry", "fork", "failure"]
    path: str = ""
    takes_over: TakenOver | None = None
    hearing: bool = False
    """It was started to hear of a failure, or one above it was: its own failure starts nobody, so no circle comes about."""
    awaiting: tuple[str, ...] = ()
    """The runs with a key above this one that do not end before it does."""


class Caller(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A run that called another one under a key, where in it, and the shard it lives in."""

    run: str
    path: str
    shard: int = 0
    wants_end: bool = True
    """It awaits the end; else it only wants to hear that the run is there."""


class Keyed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A run that is started once for its key: whoever calls it later under that key gets this run."""

    key: str
    """The value of the key, as JSON."""
    given: str
    """A hash of the input; the same key with another input is a mistake."""
    caller: Caller
    """The first one."""


class Page(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The part of a long loop that an internal child run carries out under the parent's paths and keys."""

    path: str
    number: int
    first: int
    items: list[Any] = []
    keys: list[str] = []
    last: Value = None
    rounds: int = 0
    parallel: int = 1
    names: dict[str, Any] = {}
