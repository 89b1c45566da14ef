"""Settings over HTTP: of the installation, of a workspace, and of whoever asks."""

from typing import Annotated, Any

import msgspec

from auraos.api.protocol.asking import Ask
from auraos.api.protocol.names import END, Limit
from auraos.api.protocol.routes import SELF, Routes
from auraos.settings.rows import EVERYWHERE, Place, SettingChange
from auraos.settings.service import SettingFacts

routes = Routes()

TELLS = ("no-setting",)
CHANGES = (*TELLS, "setting-refused", "setting-pinned", "setting-changed")
Name = Annotated[str, msgspec.Meta(pattern=f"^[a-z]+(\\.[a-z]+(-[a-z]+)*)+{END}", max_length=100)]


class OneSetting(msgspec.Struct, frozen=True, kw_only=True):
    """A setting, by name."""

    name: Name


class HistoryOf(OneSetting, frozen=True, kw_only=True):
    """Which changes of a setting to list."""

    before: Annotated[int, msgspec.Meta(ge=0, le=10**15, description="`next` of the page before.")] = 0
    limit: Limit = 50


class Setting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to set, and why."""

    value: Any
    why: Annotated[str, msgspec.Meta(max_length=1000)] = ""


class SettingList(msgspec.Struct, frozen=True, kw_only=True):
    """How the settings of a place stand."""

    items: tuple[SettingFacts, ...]


class ChangePage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of changes, the last one first; `next` asks for those before them."""

    items: tuple[SettingChange, ...]
    next: int = 0


async def _changes(ask: Ask, at: HistoryOf, place: Place) -> ChangePage:
    found = await ask.desk.settings.history(at.name, place, before=at.before, limit=at.limit + 1)
    items = tuple(found[: at.limit])
    return ChangePage(items=items, next=items[-1].number if len(found) > at.limit else 0)


async def _put(ask: Ask, name: str, place: Place, body: Setting) -> SettingFacts:
    return await ask.desk.settings.put(ask.actor, name, place, body.value, ask.revision, why=body.why)


# --- the installation ---


@routes.get("/api/v1/installation/settings", may="settings.read", everywhere=True)
async def list_installation_settings(ask: Ask) -> SettingList:
    """List the settings of the installation, with what holds and where it comes from."""
    return SettingList(items=tuple(ask.desk.settings.all_facts(EVERYWHERE)))


@routes.get("/api/v1/installation/settings/{name}", may="settings.read", everywhere=True, tells=TELLS)
async def show_installation_setting(ask: Ask, at: OneSetting) -> SettingFacts:
    """Show a setting of the installation."""
    return ask.desk.settings.facts(at.name, EVERYWHERE)


@routes.get("/api/v1/installation/settings/{name}/history", may="settings.read", everywhere=True, tells=TELLS)
async def list_installation_setting_changes(ask: Ask, at: HistoryOf) -> ChangePage:
    """List the changes of a setting of the installation."""
    return await _changes(ask, at, EVERYWHERE)


@routes.put(
    "/api/v1/installation/settings/{name}", may="settings.change", everywhere=True, over=True, tells=CHANGES
)
async def set_installation_setting(ask: Ask, at: OneSetting, body: Setting) -> SettingFacts:
    """Set something for the installation; it holds at once, without a restart."""
    return await _put(ask, at.name, EVERYWHERE, body)


@routes.post(
    "/api/v1/installation/settings/{name}/clear", may="settings.change", everywhere=True, over=True, tells=CHANGES
)  # fmt: skip
async def clear_installation_setting(ask: Ask, at: OneSetting) -> SettingFacts:
    """Set something no more for the installation: its default holds."""
    return await ask.desk.settings.clear(ask.actor, at.name, EVERYWHERE, ask.revision)


# --- a workspace ---


@routes.get("/api/v1/settings", may="settings.read")
async def list_settings(ask: Ask) -> SettingList:
    """List the settings of the workspace, with what holds and where it comes from."""
    return SettingList(items=tuple(ask.desk.settings.all_facts(_here(ask))))


@routes.get("/api/v1/settings/{name}", may="settings.read", tells=TELLS)
async def show_setting(ask: Ask, at: OneSetting) -> SettingFacts:
    """Show a setting of the workspace."""
    return ask.desk.settings.facts(at.name, _here(ask))


@routes.get("/api/v1/settings/{name}/history", may="settings.read", tells=TELLS)
async def list_setting_changes(ask: Ask, at: HistoryOf) -> ChangePage:
    """List the changes of a setting of the workspace."""
    return await _changes(ask, at, _here(ask))


@routes.put("/api/v1/settings/{name}", may="settings.change", over=True, tells=CHANGES)
async def set_setting(ask: Ask, at: OneSetting, body: Setting) -> SettingFacts:
    """Set something for the workspace; it holds at once."""
    return await _put(ask, at.name, _here(ask), body)


@routes.post("/api/v1/settings/{name}/clear", may="settings.change", over=True, tells=CHANGES)
async def clear_setting(ask: Ask, at: OneSetting) -> SettingFacts:
    """Set something no more for the workspace: what the installation says holds."""
    return await ask.desk.settings.clear(ask.actor, at.name, _here(ask), ask.revision)


# --- whoever asks ---


@routes.get("/api/v1/me/settings", may=SELF)
async def list_own_settings(ask: Ask) -> SettingList:
    """List the settings that somebody can have for themselves."""
    return SettingList(items=tuple(ask.desk.settings.all_facts(_own(ask))))


@routes.get("/api/v1/me/settings/{name}", may=SELF, tells=TELLS)
async def show_own_setting(ask: Ask, at: OneSetting) -> SettingFacts:
    """Show a setting that somebody can have for themselves."""
    return ask.desk.settings.facts(at.name, _own(ask))


@routes.get("/api/v1/me/settings/{name}/history", may=SELF, tells=TELLS)
async def list_own_setting_changes(ask: Ask, at: HistoryOf) -> ChangePage:
    """List the changes of a setting of one's own."""
    return await _changes(ask, at, _own(ask))


@routes.put("/api/v1/me/settings/{name}", may=SELF, over=True, tells=(*CHANGES, "person-needed"))
async def set_own_setting(ask: Ask, at: OneSetting, body: Setting) -> SettingFacts:
    """Set something for oneself."""
    ask.require_person()
    return await _put(ask, at.name, _own(ask), body)


@routes.post("/api/v1/me/settings/{name}/clear", may=SELF, over=True, tells=(*CHANGES, "person-needed"))
async def clear_own_setting(ask: Ask, at: OneSetting) -> SettingFacts:
    """Set something no more for oneself."""
    ask.require_person()
    return await ask.desk.settings.clear(ask.actor, at.name, _own(ask), ask.revision)


def _here(ask: Ask) -> Place:
    return Place(workspace=ask.workspace)


def _own(ask: Ask) -> Place:
    return Place(person=ask.known.id)
