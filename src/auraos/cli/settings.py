"""`auraos settings`: what is set, where it comes from, and who changed it; of the chosen server, or of a data folder."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import msgspec
from cyclopts import Parameter

from auraos.cli.asking import ask_at
from auraos.cli.exits import Exit
from auraos.cli.failures import WrongInputError
from auraos.cli.options import DEFAULT_DATA, Data, Database, Json
from auraos.cli.screen import clean, pad, print_json, to_people
from auraos.cli.target import chosen
from auraos.cli.times import clock

if TYPE_CHECKING:
    from auraos.client import Client
    from auraos.settings.rows import Place
    from auraos.settings.service import Settings

For = Annotated[
    str,
    Parameter(
        name="--for",
        help="For whom: installation, workspace (the one that is chosen), workspace:NAME, or me on a server.",
    ),
]
Name = Annotated[str, Parameter(help="The name of the setting, as in log.level.")]
EVERYBODY = "installation"
MOST = 100


class Desk(Protocol):
    """Wherever settings are: on a server, or in a folder."""

    async def all(self) -> Sequence[Any]: ...

    async def one(self, name: str) -> Any: ...

    async def put(self, name: str, value: Any, why: str) -> Any: ...

    async def clear(self, name: str) -> Any: ...

    async def changes(self, name: str) -> Sequence[Any]: ...


def list_settings(
    *, place: For = EVERYBODY, database: Database = "", data: Data = DEFAULT_DATA, json: Json = False
) -> int:
    """List all settings with what holds, and where that comes from."""

    async def ask(desk: Desk) -> Sequence[Any]:
        return await desk.all()

    found = _ask(ask, place, data, database)
    if json:
        print_json({"ok": True, "settings": [msgspec.to_builtins(facts) for facts in found]})
        return Exit.DONE
    screen = to_people()
    wide = max((len(facts.name) for facts in found), default=0)
    broad = max((len(_shown(facts.value)) for facts in found), default=0)
    for facts in found:
        where = "" if facts.source == "default" else f" {facts.where}"
        line = f"{screen.tint(pad(facts.name, wide), 'bold')}  {pad(_shown(facts.value), broad)}"
        screen.line(f"{line}  {screen.tint(f'{facts.source}{clean(where)}', 'dim')}")
    return Exit.DONE


def get(
    name: Name, /, *, place: For = EVERYBODY, database: Database = "", data: Data = DEFAULT_DATA, json: Json = False
) -> int:  # fmt: skip
    """Show one setting: what holds, where that comes from, what it may be, and how the environment sets it."""

    async def ask(desk: Desk) -> Any:
        return await desk.one(name)

    return _tell(_ask(ask, place, data, database), json=json)


def put(
    name: Name,
    value: Annotated[str, Parameter(help="The value, as in 30d, 100, true or debug.")],
    /,
    *,
    why: Annotated[str, Parameter(help="Why, for the history and the audit trail.")] = "",
    place: For = EVERYBODY,
    database: Database = "",
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """Set something. It holds at once, in all processes within seconds, without a restart."""

    async def ask(desk: Desk) -> Any:
        return await desk.put(name, value, why)

    return _tell(_ask(ask, place, data, database), json=json)


def clear(
    name: Name, /, *, place: For = EVERYBODY, database: Database = "", data: Data = DEFAULT_DATA, json: Json = False
) -> int:  # fmt: skip
    """Set something no more: what is set for all holds, or the default."""

    async def ask(desk: Desk) -> Any:
        return await desk.clear(name)

    return _tell(_ask(ask, place, data, database), json=json)


def history(
    name: Name, /, *, place: For = EVERYBODY, database: Database = "", data: Data = DEFAULT_DATA, json: Json = False
) -> int:  # fmt: skip
    """Show who changed a setting, when, from what and to what, the last change first."""

    async def ask(desk: Desk) -> Sequence[Any]:
        return await desk.changes(name)

    found = _ask(ask, place, data, database)
    if json:
        print_json({"ok": True, "changes": [msgspec.to_builtins(change) for change in found]})
        return Exit.DONE
    screen = to_people()
    if not found:
        screen.line(f"Nobody has set {name} here.")
    for change in found:
        why = f"  {change.why}" if change.why else ""
        told = f"{_shown(change.before)} → {_shown(change.after)}"
        screen.line(f"{screen.tint(clock(change.at), 'dim')}  {clean(change.author)}  {clean(told + why)}")
    return Exit.DONE


def _tell(facts: Any, *, json: bool) -> int:
    if json:
        print_json({"ok": True, "setting": msgspec.to_builtins(facts)})
        return Exit.DONE
    screen = to_people()
    screen.line(f"{screen.tint(facts.name, 'bold')}  {clean(_shown(facts.value))}")
    screen.line(f"  {clean(facts.words)}")
    where = f", {facts.where}" if facts.where else ""
    screen.line(f"  source: {facts.source}{clean(where)}; default: {clean(_shown(facts.default))}")
    screen.line(f"  environment: {facts.variable}")
    return Exit.DONE


def _shown(value: Any) -> str:
    return "-" if value is None else value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _ask(ask: Any, place: str, data: Path, database: str) -> Any:
    """Ask the server that is chosen, or a folder or database of this machine."""

    target = chosen()
    if target is not None:
        return ask_at(target.at, lambda client: ask(_OnServer(client, place)))
    from auraos.app.by_hand.settings import open_settings  # noqa: PLC0415 (it opens the store)

    async def go() -> Any:
        async with open_settings(data, database) as settings:
            return await ask(_InFolder(settings, place))

    return asyncio.run(go())


class _InFolder:
    """The settings of a folder or a database of this machine."""

    def __init__(self, settings: "Settings", place: str) -> None:
        self._settings = settings
        self._place = _place_of(place)

    async def all(self) -> Sequence[Any]:
        return self._settings.all_facts(self._place)

    async def one(self, name: str) -> Any:
        return self._settings.facts(name, self._place)

    async def put(self, name: str, value: Any, why: str) -> Any:
        from auraos.app.by_hand.settings import CONSOLE  # noqa: PLC0415 (as above)

        revision = self._settings.facts(name, self._place).revision
        return await self._settings.put(CONSOLE, name, self._place, value, revision, why=why)

    async def clear(self, name: str) -> Any:
        from auraos.app.by_hand.settings import CONSOLE  # noqa: PLC0415 (as above)

        revision = self._settings.facts(name, self._place).revision
        return await self._settings.clear(CONSOLE, name, self._place, revision)

    async def changes(self, name: str) -> Sequence[Any]:
        return await self._settings.history(name, self._place, limit=MOST)


class _OnServer:
    """The settings of a server."""

    def __init__(self, client: "Client", place: str) -> None:
        kind, _, name = place.partition(":")
        self._calls = client.in_workspace(name).settings if name else client.settings
        if kind not in (EVERYBODY, "workspace", "me") or (name and kind != "workspace"):
            raise _no_place(place)
        self._kind = kind

    async def all(self) -> Sequence[Any]:
        calls = self._calls
        if self._kind == "me":
            return (await calls.list_own_settings()).items
        found = calls.list_settings() if self._kind == "workspace" else calls.list_installation_settings()
        return (await found).items

    async def one(self, name: str) -> Any:
        calls = self._calls
        if self._kind == "me":
            return await calls.show_own_setting(name)
        show = calls.show_setting if self._kind == "workspace" else calls.show_installation_setting
        return await show(name)

    async def put(self, name: str, value: Any, why: str) -> Any:
        revision = (await self.one(name)).revision
        calls = self._calls
        if self._kind == "me":
            return await calls.set_own_setting(name, revision=revision, value=value, why=why)
        if self._kind == "workspace":
            return await calls.set_setting(name, revision=revision, value=value, why=why)
        return await calls.set_installation_setting(name, revision=revision, value=value, why=why)

    async def clear(self, name: str) -> Any:
        revision = (await self.one(name)).revision
        calls = self._calls
        if self._kind == "me":
            return await calls.clear_own_setting(name, revision=revision)
        if self._kind == "workspace":
            return await calls.clear_setting(name, revision=revision)
        return await calls.clear_installation_setting(name, revision=revision)

    async def changes(self, name: str) -> Sequence[Any]:
        calls = self._calls
        if self._kind == "me":
            return (await calls.list_own_setting_changes(name, limit=MOST)).items
        if self._kind == "workspace":
            return (await calls.list_setting_changes(name, limit=MOST)).items
        return (await calls.list_installation_setting_changes(name, limit=MOST)).items


def _place_of(place: str) -> "Place":
    """Return a place of a folder; raise where it names none."""
    from auraos.settings.rows import EVERYWHERE, Place  # noqa: PLC0415 (on a server they are not needed)

    kind, _, name = place.partition(":")
    if place == EVERYBODY:
        return EVERYWHERE
    if kind == "workspace":
        return Place(workspace=name or "default")
    raise _no_place(place)


def _no_place(place: str) -> WrongInputError:
    return WrongInputError(
        f"Nothing is set for {place!r} here.",
        hint="--for is installation, workspace or workspace:NAME, and on a server also me.",
    )
