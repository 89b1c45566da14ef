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


class _Refused(Exception):  # noqa: N818 (it never leaves this module)
    pass


class Installed:
    """The catalogue, where each type comes from, and the plugins that are broken.

    A plugin is imported when its step type is first wanted: most commands want few of them. `broken` tells of those that
    were wanted so far, so `catalogue.all()` before it makes it tell of all.
    """

    def __init__(self, entries: Iterable[EntryPoint]) -> None:
        self._entries: dict[str, list[EntryPoint]] = {}
        for entry in sorted(entries, key=lambda one: (_origin(one) != OWN, one.name)):
            self._entries.setdefault(entry.name, []).append(entry)
        self._loaded: dict[str, StepType | None] = {}
        self._broken: list[BrokenPlugin] = []
        self.origins: dict[str, str] = {}
        self.catalogue: Catalogue = InstalledCatalogue(self)

    @property
    def broken(self) -> tuple[BrokenPlugin, ...]:
        """Return the plugins that were wanted and could not be taken."""
        return tuple(self._broken)

    def names(self) -> list[str]:
        """Return the names of all step types, but those that are known to be broken."""
        return sorted(name for name in self._entries if self._loaded.get(name, name) is not None)

    def load(self, name: str) -> StepType | None:
        """Return the step type of this name, our own before all others, so that nobody else can take its name."""
        if name not in self._loaded:
            self._loaded[name] = self._load_first(name)
        return self._loaded[name]

    def _load_first(self, name: str) -> StepType | None:
        taken: StepType | None = None
        for entry in self._entries.get(name, ()):
            origin = _origin(entry)
            try:
                _refuse_double(name, self.origins)
                taken = _load(entry, is_own=origin == OWN)
                self.origins[name] = origin
            except _Refused as refused:
                broken = BrokenPlugin(name=name, distribution=origin, message=str(refused))
                self._broken.append(broken)
        return taken


class InstalledCatalogue(Catalogue):
    """The step types that are installed, each imported when it is first asked for."""

    def __init__(self, installed: Installed) -> None:
        super().__init__({})
        self._installed = installed

    def find(self, name: str, version: int | None = None) -> StepType | None:
        """Return the type of this name; None where there is none, or not of that version."""
        found = self._installed.load(name)
        return found if found is None or version in (None, found.version) else None

    def names(self) -> list[str]:
        """Return all names in order."""
        return self._installed.names()

    def all(self) -> list[StepType]:
        """Return every type, in order."""
        loaded = [self._installed.load(name) for name in self._installed.names()]
        return [step_type for step_type in loaded if step_type is not None]


def load_installed(found: Iterable[EntryPoint] | None = None) -> Installed:
    """Return what is installed; nothing of it is imported yet."""
    return Installed(entry_points(group=GROUP) if found is None else found)


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
