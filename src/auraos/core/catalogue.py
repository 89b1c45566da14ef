"""The catalogue: what the core knows of each step type. Plugins fill it; `compile` and the checks read it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeAlias

import msgspec

from auraos.core.values import Value

Schema: TypeAlias = dict[str, Any]


class Effect(StrEnum):
    """What a step does to the world. Retry, recovery, dry run, replay and checks all follow from it."""

    PURE = "pure"
    READ = "read"
    IDEMPOTENT = "idempotent"
    WRITE = "write"
    IRREVERSIBLE = "irreversible"

    @property
    def may_repeat(self) -> bool:
        """Return whether doing it twice does no more than doing it once."""
        return self in (Effect.PURE, Effect.READ, Effect.IDEMPOTENT)


class Behaviour(StrEnum):
    """Who carries a step out: the machine by evaluating it, the runtime by executing it, or the machine by its structure."""

    EVALUATE = "evaluate"
    EXECUTE = "execute"
    FOREACH = "foreach"
    WHILE = "while"
    TRY = "try"
    RACE = "race"
    CALL = "call"
    TIMER = "timer"
    SIGNAL = "signal"
    EVENT = "event"
    APPROVAL = "approval"
    STOP = "stop"


class Chosen(msgspec.Struct, frozen=True):
    """The answer of a step that chooses among its ports: the live ones, and the output that all of them carry."""

    ports: tuple[str, ...]
    output: Value = None


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """An example that the reference shows and the tests run: settings (after evaluation) and, where pure, the output."""

    title: str
    settings: Mapping[str, Any]
    output: Any = msgspec.UNSET


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """What a step type finds wrong with its settings as they are written."""

    field: str
    """The setting at fault; empty for all of them together."""
    message: str
    hint: str = ""
    code: str = "settings-refused"
    is_certain: bool = True
    """It fails whenever it is run; else it is a warning."""
    line: int = 0
    """Where in the text of the setting: the line and column, both from 1, and so many characters; 0 for all of it."""
    column: int = 0
    width: int = 1


class StepType(msgspec.Struct, frozen=True, kw_only=True):
    """One type of step: its name, form, ports, effect, and the function that does the work.

    `settings` is the JSON Schema of `with` after evaluation; `deferred` maps those fields of `with` whose expressions are not
    evaluated beforehand to the names they may read besides the usual ones: each template in such a field is handed over as
    a callable of these names (`where(item=…, index=…) -> value`), as for a filter's condition.
    `check` is asked about `with` as it is written, templates as text: what the schema cannot say is wrong with it.
    `evaluate` takes the evaluated settings and returns the output (or `Chosen`); `execute` also takes the step's context.
    """

    name: str
    version: int = 1
    title: str
    summary: str
    description: str = ""
    behaviour: Behaviour = Behaviour.EXECUTE
    settings: Schema = {}
    output: Schema | Callable[[Mapping[str, Any]], Schema] = {}
    effect: Effect | Callable[[Mapping[str, Any]], Effect] = Effect.WRITE
    ports: tuple[str, ...] | Callable[[Mapping[str, Any]], tuple[str, ...]] = ("out",)
    deferred: Mapping[str, tuple[str, ...]] = {}
    evaluate: Callable[[dict[str, Any]], Any] | None = None
    execute: Callable[[dict[str, Any], Any], Awaitable[Any]] | None = None
    examples: tuple[Example, ...] = ()
    check: Callable[[Mapping[str, Any]], Sequence[Fault]] | None = None
    ports_by: Callable[[Any], tuple[str, ...]] | None = None
    """Which of its ports are live with an output, where that follows from the output alone: `out`, and one other at most."""

    def effect_of(self, settings: Mapping[str, Any]) -> Effect:
        """Return the effect under these settings as written (templates stand as text); it is fixed when published."""
        return self.effect if isinstance(self.effect, Effect) else self.effect(settings)

    def ports_of(self, settings: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the ports of a step with these settings, without `error`, which every step has."""
        return self.ports if isinstance(self.ports, tuple) else self.ports(settings)

    def output_of(self, settings: Mapping[str, Any]) -> Schema:
        """Return the JSON Schema of the output under these settings; an empty one says nothing."""
        return self.output if isinstance(self.output, dict) else self.output(settings)


class Catalogue:
    """The step types that are installed, by name and version."""

    def __init__(self, types: Mapping[str, StepType] | list[StepType]) -> None:
        listed = list(types.values()) if isinstance(types, Mapping) else types
        self._versions: dict[str, dict[int, StepType]] = {}
        for step_type in listed:
            self._versions.setdefault(step_type.name, {})[step_type.version] = step_type

    def find(self, name: str, version: int | None = None) -> StepType | None:
        """Return the type of this name, the newest version unless one is asked for; None where there is none."""
        versions = self._versions.get(name)
        if not versions:
            return None
        return versions[max(versions)] if version is None else versions.get(version)

    def names(self) -> list[str]:
        """Return all names in order."""
        return sorted(self._versions)

    def all(self) -> list[StepType]:
        """Return every version of every type, in order."""
        return [
            self._versions[name][version] for name in self.names() for version in sorted(self._versions[name])
        ]
