"""`Settings`: what is set where, believed by all processes of a store within seconds, without a restart."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import msgspec

from auraos.core.audit import Actor, Entry, Object
from auraos.core.errors import AuraError
from auraos.settings.errors import SettingChangedError, SettingPinnedError
from auraos.settings.keys import Key, Keys
from auraos.settings.outside import Outside, Source, variable
from auraos.settings.rows import EVERYWHERE, Place, SettingChange, SettingRow, SettingStore

T = TypeVar("T")
log = logging.getLogger("auraos.settings")
LOOK = 2.0
"""So many seconds pass between looks at what other processes set."""
LARGEST_PAGE = 500


class SettingFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A setting as it holds in one place, and where its value comes from."""

    name: str
    words: str
    value: Any
    source: Source
    where: str = ""
    """What sets it, as in `workspace sales` or `AURAOS_SETTING_LOG_LEVEL`."""
    default: Any
    scopes: tuple[str, ...]
    schema: dict[str, Any]
    variable: str
    """The variable of the environment that sets it for the installation."""
    is_set_here: bool
    stored: Any = None
    """What is stored for this place, also where something from outside goes before it."""
    revision: int
    needs_restart: bool = False


class Settings:
    """The settings of one store, as one process believes them."""

    def __init__(self, store: SettingStore, keys: Keys, outside: Outside, *, now: Callable[[], int]) -> None:
        self.keys = keys
        self._store = store
        self._outside = outside
        self._now = now
        self._rows: dict[tuple[str, Place], SettingRow] = {}
        self._mark = -1
        self._turn = asyncio.Lock()
        self._hearing: list[tuple[Key[Any], Any, Callable[[Any], None]]] = []
        self._looking: asyncio.Task[None] | None = None
        self.trouble = ""
        """What is wrong with the file of settings, whose former values hold meanwhile."""

    # --- what holds ---

    def value(self, key: Key[T], *, workspace: str = "", person: str = "") -> T:
        """Return what holds now, in a workspace or for a person: what is set nearest, or the lowest where it narrows."""
        pinned = self._outside.pinned.get(key.name)
        near = self._nearest(key, workspace, person)
        values: list[Any] = [
            key.read(row.value) for place, row in near if pinned is None or place != EVERYWHERE
        ]
        if pinned is not None:
            values.append(pinned.value)
        if not self._has_general(key) and pinned is None:
            values.append(key.default)
        holds: T = min(values) if key.narrows else values[0]
        return holds

    def when_changed(self, key: Key[T], hear: Callable[[T], None]) -> None:
        """Tell what holds for the installation, now and whenever that changes."""
        value = self.value(key)
        self._hearing.append((key, value, hear))
        hear(value)

    def values(self, key: Key[T]) -> list[T]:
        """Return what holds in general, and in each workspace that says something of its own."""
        own = {
            place.workspace for (name, place), row in self._rows.items() if name == key.name and row.is_set
        }
        return [
            self.value(key),
            *(self.value(key, workspace=workspace) for workspace in sorted(own) if workspace),
        ]

    def facts(self, name: str, place: Place) -> SettingFacts:
        """Return how a setting stands in one place; raise `NoSettingError`."""
        key = self.keys.find(name, place.scope)
        return self._facts(key, place)

    def all_facts(self, place: Place) -> list[SettingFacts]:
        """Return how all settings stand that can be set in such a place."""
        return [self._facts(key, place) for key in self.keys.values() if place.scope in key.scopes]

    def _facts(self, key: Key[Any], place: Place) -> SettingFacts:
        value = self.value(key, workspace=place.workspace, person=place.person)
        source, where = self._source(key, place, value)
        row = self._rows.get((key.name, place))
        is_set = row is not None and bool(row.is_set)
        return SettingFacts(
            name=key.name, words=key.words, value=key.told(value), source=source, where=where,
            default=key.told(key.default), scopes=key.scopes, schema=key.schema(), variable=variable(key.name),
            is_set_here=is_set, stored=row.value if row is not None and is_set else None,
            revision=row.revision if row is not None else 1,
        )  # fmt: skip

    def _source(self, key: Key[Any], place: Place, value: Any) -> tuple[Source, str]:
        pinned = self._outside.pinned.get(key.name)
        for near, row in self._nearest(key, place.workspace, place.person):
            is_general = near == EVERYWHERE
            if (not is_general or pinned is None) and key.read(row.value) == value:
                return "stored", _words(near)
        if pinned is not None:
            return pinned.source, pinned.where
        return "default", ""

    def _nearest(self, key: Key[Any], workspace: str, person: str) -> Iterator[tuple[Place, SettingRow]]:
        """Yield what is stored that may hold, the nearest first."""
        places = (Place(person=person), Place(workspace=workspace), EVERYWHERE)
        for place in dict.fromkeys(places):
            row = self._rows.get((key.name, place))
            if row is not None and row.is_set:
                yield place, row

    def _has_general(self, key: Key[Any]) -> bool:
        row = self._rows.get((key.name, EVERYWHERE))
        return row is not None and bool(row.is_set)

    # --- what is changed ---

    async def put(
        self, actor: Actor, name: str, place: Place, given: Any, revision: int, *, why: str = ""
    ) -> SettingFacts:
        """Set something in one place, over the revision that was read; raise what stands against it."""
        key = self.keys.find(name, place.scope)
        return await self._change(
            actor, key, place, key.told(key.read(given)), revision, is_set=True, why=why
        )

    async def clear(
        self, actor: Actor, name: str, place: Place, revision: int, *, why: str = ""
    ) -> SettingFacts:
        """Set it no more in this place: what is set further away holds, or the default."""
        key = self.keys.find(name, place.scope)
        return await self._change(actor, key, place, None, revision, is_set=False, why=why)

    async def history(
        self, name: str, place: Place, *, before: int = 0, limit: int = 50
    ) -> Sequence[SettingChange]:
        """Return the changes of a setting in one place, the last one first."""
        self.keys.find(name, place.scope)
        return await self._store.changes(name, place, before, min(limit, LARGEST_PAGE))

    async def _change(
        self, actor: Actor, key: Key[Any], place: Place, value: Any, revision: int, *, is_set: bool, why: str
    ) -> SettingFacts:
        pinned = self._outside.pinned.get(key.name)
        if pinned is not None and place == EVERYWHERE and is_set:
            raise SettingPinnedError(
                f"{key.name} comes from {pinned.where}, so what is stored would not hold.",
                hint=f"Change it there, or take it away from the {pinned.source} first.",
                source=pinned.source,
            )
        before = self._rows.get((key.name, place))
        known = before.revision if before is not None else 1
        if revision != known:
            await self.look()
            before = self._rows.get((key.name, place))
            known = before.revision if before is not None else 1
        if revision != known:
            raise SettingChangedError.at(key.name, known)
        old = before.value if before is not None and before.is_set else None
        now = self._now()
        row = SettingRow(
            name=key.name, workspace=place.workspace, person=place.person, revision=known + 1, is_set=int(is_set),
            value=value, at=now, author=actor.name,
        )  # fmt: skip
        change = SettingChange(
            number=0, name=key.name, workspace=place.workspace, person=place.person, revision=row.revision,
            before=old, after=value, at=now, author=actor.name, why=why,
        )  # fmt: skip
        entry = Entry(
            at=now, workspace=place.workspace, actor=actor, action="settings.change",
            object=Object(kind="setting", name=key.name), why=why, before={"value": old}, after={"value": value},
        )  # fmt: skip
        if not await self._store.put(row, change, entry):
            await self.look()
            raise SettingChangedError.at(key.name, self.facts(key.name, place).revision)
        await self.look()
        return self._facts(key, place)

    # --- what others change ---

    async def look(self) -> None:
        """Take up what was changed, here, in other processes or in the file."""
        try:
            self._outside.look()
            self.trouble = ""
        except AuraError as error:
            if self.trouble != str(error):
                log.warning("settings.file_refused", extra={"why": error.message, "hint": error.hint})
            self.trouble = str(error)
        async with self._turn:  # who looked before a change must not put what they saw in place of it
            mark = await self._store.mark()
            if mark != self._mark:
                self._rows = {
                    (row.name, row.place): row for row in await self._store.all() if self._holds(row)
                }
                self._mark = mark
        self._tell()

    def start(self) -> None:
        """Look again and again from now on."""
        self._looking = asyncio.create_task(self._keep_looking())

    async def stop(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._looking

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            try:
                await self.look()
            except AuraError as error:
                log.info("settings.away", extra={"why": str(error)})

    def _holds(self, row: SettingRow) -> bool:
        """Return whether a row is of a key and a value that this release knows; others wait for one that does."""
        key = self.keys.get(row.name)
        if key is None:
            return False
        try:
            return not row.is_set or key.read(row.value) is not None
        except AuraError as error:
            log.warning("settings.row_refused", extra={"setting": row.name, "why": error.message})
            return False

    def _tell(self) -> None:
        for place, (key, known, hear) in enumerate(self._hearing):
            value = self.value(key)
            if value != known:
                self._hearing[place] = (key, value, hear)
                log.info("settings.changed", extra={"setting": key.name, "value": key.told(value)})
                hear(value)


def _words(place: Place) -> str:
    if place.workspace:
        return f"workspace {place.workspace}"
    return "the person" if place.person else "the installation"
