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
