"""The step types that are installed: read from entry points, so a plugin comes in like one of our own.

A plugin that cannot be loaded is reported and left out; it never keeps the others from working. Step types of third
parties are never evaluated inside the run machine: a plain function of theirs runs as an executed step, off the loop.
"""

import asyncio
from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import msgspec

from auraos.core.catalogue import Behaviour, Catalogue, StepType

GROUP = "auraos.steps"
OWN = "auraos"


class BrokenPlugin(msgspec.Struct, frozen=True, kw_only=True):
    """A step type that could not be taken into the catalogue, and why."""

    name: str
    distribution: str
    message: str


class Installed(msgspec.Struct, frozen=True):
    """The catalogue, where each type comes from, and the plugins that are broken."""

    catalogue: Catalogue
    origins: dict[str, str]
    broken: tuple[BrokenPlugin, ...]


class _Refused(Exception):  # noqa: N818 (it never leaves this module)
    pass


def load_installed(found: Iterable[EntryPoint] | None = None) -> Installed:
    """Return all step types that can be loaded, our own first, so that nobody else can take their names."""
    types: dict[str, StepType] = {}
    origins: dict[str, str] = {}
    broken: list[BrokenPlugin] = []
    entries = entry_points(group=GROUP) if found is None else found
    for entry in sorted(entries, key=lambda one: (_origin(one) != OWN, one.name)):
        origin = _origin(entry)
        try:
            step_type = _load(entry, is_own=origin == OWN)
            _refuse_double(step_type.name, origins)
        except _Refused as refused:
            broken.append(BrokenPlugin(name=entry.name, distribution=origin, message=str(refused)))
            continue
        types[step_type.name] = step_type
        origins[step_type.name] = origin
    return Installed(Catalogue(types), origins, tuple(broken))


def _refuse_double(name: str, origins: dict[str, str]) -> None:
    if name in origins:
        raise _Refused(f"{origins[name]!r} brings a step type of this name already")


def _origin(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else "?"


def _load(entry: EntryPoint, *, is_own: bool) -> StepType:
    try:
        loaded = entry.load()
    except Exception as error:
        raise _Refused(f"it cannot be imported: {type(error).__name__}: {error}") from error
    if not isinstance(loaded, StepType):
        raise _Refused(f"{entry.value!r} is no step type but {type(loaded).__name__}")
    if loaded.name != entry.name:
        raise _Refused(f"its entry point says {entry.name!r} and its step type {loaded.name!r}")
    return loaded if is_own else _at_arms_length(loaded)


def _at_arms_length(foreign: StepType) -> StepType:
    """Return a third party's type so that the runtime executes it, whatever it says of itself."""
    if foreign.behaviour is Behaviour.EXECUTE:
        if foreign.execute is None:
            raise _Refused("it has no function that does the work")
        return foreign
    if foreign.behaviour is not Behaviour.EVALUATE or foreign.evaluate is None:
        raise _Refused(f"only AuraOS itself brings step types of the behaviour {foreign.behaviour.value!r}")
    if foreign.deferred:
        raise _Refused("it takes expressions as functions, which only step types of AuraOS itself may")
    return msgspec.structs.replace(
        foreign, behaviour=Behaviour.EXECUTE, evaluate=None, execute=_in_a_thread(foreign.evaluate)
    )


def _in_a_thread(evaluate: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any], Any], Any]:
    async def execute(settings: dict[str, Any], _context: Any) -> Any:
        return await asyncio.to_thread(evaluate, settings)

    return execute
