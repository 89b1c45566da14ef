"""A feature flag as data, and what an evaluation of it says."""

from typing import Any, Literal, TypeAlias

import msgspec

FlagType: TypeAlias = Literal["boolean", "string", "number", "object"]
Reason: TypeAlias = Literal["STATIC", "TARGETING_MATCH", "SPLIT", "DISABLED", "DEFAULT", "ERROR"]
"""Why a variant was given, in the words of OpenFeature."""
ErrorCode: TypeAlias = Literal[
    "", "FLAG_NOT_FOUND", "PARSE_ERROR", "TARGETING_KEY_MISSING", "INVALID_CONTEXT", "GENERAL"
]
KEY = "targetingKey"
"""The field of the context that says who it is evaluated for."""


class Serve(msgspec.Struct, frozen=True):
    """What is given: one variant, or each to so many of a hundred."""

    variant: str = ""
    split: tuple[tuple[str, float], ...] = ()


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """For whom something else is given than for all others."""

    name: str
    when: str
    serve: Serve


class Guard(msgspec.Struct, frozen=True, kw_only=True):
    """When a flag that releases a workflow is switched off by itself."""

    runs: int = 50
    """So many runs of the version are looked at, the last ones; before there are as many nothing happens."""
    failures: float
    """More than so many of a hundred failed."""
    margin: float = 5.0
    """And by so many of a hundred more than of the other version in the same time."""


class Flag(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a flag."""

    name: str
    type: FlagType
    variants: dict[str, Any]
    default: Serve
    """What is given where no rule fits."""
    off: str
    """The variant that is given while it is switched off."""
    rules: tuple[Rule, ...] = ()
    unit: str = KEY
    """The field of the context by which a split tells people apart."""
    seed: str = ""
    """What a split is made with beside the unit; flags with the same seed give the same people the same shares."""
    expires: str = ""
    """The day from which on nobody should need it any more."""
    guard: Guard | None = None


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that was looked at, and whether it fits."""

    rule: str
    when: str
    fits: bool


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """What a flag gives, and why."""

    key: str
    value: Any = None
    variant: str = ""
    reason: Reason
    rule: str = ""
    """The rule that fits."""
    bucket: float | None = None
    """Where a split places whoever it was evaluated for, from 0 up to 100."""
    error_code: ErrorCode = ""
    error: str = ""
    version: int = 0
    tried: tuple[Tried, ...] = ()
