"""Keys and service accounts over HTTP."""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from auraos.api.protocol.asking import Ask
from auraos.api.protocol.names import Action, Id, Slug, Title
from auraos.api.protocol.routes import SELF, Routes
from auraos.security.access.principal import EVERYWHERE
from auraos.security.identity.key_uses import KeyUsage
from auraos.security.identity.keys import KeyWish
from auraos.security.identity.keys import NewKey as MadeKey
from auraos.security.identity.rows import Key, Service, State

routes = Routes()

CHANGES = ("not-found", "changed-meanwhile")
Days = Annotated[
    int, msgspec.Meta(ge=1, le=3650, description="After so many days the key opens nothing any more.")
]
PerSecond = Annotated[
    int, msgspec.Meta(ge=0, le=100_000, description="So many requests a second; 0 for as many as can be.")
]
Scopes = Annotated[
    tuple[Action, ...],
    msgspec.Meta(max_length=100, description="All that it may be used for, as in `runs.*`."),
]


class NewKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key to make."""

    title: Title
    scopes: Scopes | None = None
    days: Days = 90
    per_second: PerSecond = 0


class NewOwnKey(NewKey, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key to make for oneself."""

    workspace: Slug | None = None
    """The only one that it opens; without, all that its owner may."""


class NewService(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A service account to add."""

    name: Slug
    title: Title = ""


class OneKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key of one's own."""

    id: Id


class OneService(msgspec.Struct, frozen=True, kw_only=True):
    """A service account, by name."""

    name: Slug


class KeyOfService(OneService, frozen=True, kw_only=True):
    """A key of a service account."""

    id: Id


class KeyDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A key, without what it opens by."""

    id: str
    title: str
    workspace: str
    scopes: tuple[str, ...] | None
    created_at: int
    created_by: str
    ends_at: int
    used_at: int
    revoked_at: int
    per_second: int
    usage: KeyUsage
    """How many requests were made by it."""

    @classmethod
    def of(cls, key: Key, usage: KeyUsage | None = None) -> "KeyDetail":
        """Return what is shown of a key."""
        known = {field: getattr(key, field) for field in cls.__struct_fields__ if field != "usage"}
        return cls(**known, usage=usage or KeyUsage())


class ShownKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that was just made, with its token, which is shown this once."""

    key: KeyDetail
    token: str

    @classmethod
    def of(cls, made: MadeKey) -> "ShownKey":
        """Return what is shown of a new key."""
        return cls(key=KeyDetail.of(made.key), token=made.token)


class ServiceDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A service account."""

    id: str
    name: str
    title: str
    state: State
    created_at: int
    created_by: str

    @classmethod
    def of(cls, service: Service) -> "ServiceDetail":
        """Return what is shown of a service account."""
        return cls(**{field: getattr(service, field) for field in cls.__struct_fields__})


@routes.get("/api/v1/me/keys", may=SELF, tells=("person-needed",))
async def list_my_keys(ask: Ask) -> tuple[KeyDetail, ...]:
    """List one's own keys."""
    return await _with_usage(ask, await ask.desk.identity.keys.own(ask.known))


@routes.post("/api/v1/me/keys", may=SELF, fresh=True, status=201)
async def add_my_key(ask: Ask, body: NewOwnKey) -> ShownKey:
    """Make a key by which programs do what one may oneself."""
    wish = _wish(body, body.workspace or EVERYWHERE)
    return ShownKey.of(await ask.desk.identity.keys.add_own(ask.actor, ask.known, wish))


@routes.delete("/api/v1/me/keys/{id}", may=SELF, tells=(*CHANGES, "person-needed"))
async def revoke_my_key(ask: Ask, at: OneKey) -> None:
    """Let a key of one's own open nothing any more."""
    await ask.desk.identity.keys.revoke_own(ask.actor, ask.known, at.id)


@routes.get("/api/v1/services", may="services.read")
async def list_services(ask: Ask) -> tuple[ServiceDetail, ...]:
    """List the service accounts of the workspace."""
    return tuple(ServiceDetail.of(each) for each in await ask.desk.identity.keys.services(ask.workspace))


@routes.post("/api/v1/services", may="services.add", status=201, tells=("name-taken",))
async def add_service(ask: Ask, body: NewService) -> ServiceDetail:
    """Add a service account, which may do nothing yet."""
    keys = ask.desk.identity.keys
    return ServiceDetail.of(await keys.add_service(ask.actor, ask.workspace, body.name, body.title))


@routes.get("/api/v1/services/{name}", may="services.read", tells=("not-found",))
async def show_service(ask: Ask, at: OneService) -> ServiceDetail:
    """Show a service account."""
    return ServiceDetail.of(await ask.desk.identity.keys.service(ask.workspace, at.name))


@routes.post("/api/v1/services/{name}/disable", may="services.disable", tells=CHANGES)
async def disable_service(ask: Ask, at: OneService) -> ServiceDetail:
    """Let the keys of a service account open nothing."""
    return await _set_state(ask, at.name, "disabled")


@routes.post("/api/v1/services/{name}/enable", may="services.enable", tells=CHANGES)
async def enable_service(ask: Ask, at: OneService) -> ServiceDetail:
    """Let the keys of a service account open what they opened."""
    return await _set_state(ask, at.name, "active")


@routes.delete("/api/v1/services/{name}", may="services.remove", tells=CHANGES)
async def remove_service(ask: Ask, at: OneService) -> None:
    """Let go of a service account, with its keys and all that was granted to it."""
    await ask.desk.identity.keys.remove_service(ask.actor, ask.known, ask.workspace, at.name)


@routes.get("/api/v1/services/{name}/keys", may="keys.read", tells=("not-found",))
async def list_service_keys(ask: Ask, at: OneService) -> tuple[KeyDetail, ...]:
    """List the keys of a service account."""
    return await _with_usage(ask, await ask.desk.identity.keys.keys_of(ask.workspace, at.name))


@routes.post("/api/v1/services/{name}/keys", may="keys.add", fresh=True, status=201, tells=CHANGES)
async def add_service_key(ask: Ask, at: OneService, body: NewKey) -> ShownKey:
    """Make a key of a service account."""
    wish = _wish(body, ask.workspace)
    keys = ask.desk.identity.keys
    return ShownKey.of(await keys.add_to_service(ask.actor, ask.known, ask.workspace, at.name, wish))


@routes.delete("/api/v1/services/{name}/keys/{id}", may="keys.revoke", tells=CHANGES)
async def revoke_service_key(ask: Ask, at: KeyOfService) -> None:
    """Let a key of a service account open nothing any more."""
    await ask.desk.identity.keys.revoke_of_service(ask.actor, ask.workspace, at.name, at.id)


async def _with_usage(ask: Ask, keys: Sequence[Key]) -> tuple[KeyDetail, ...]:
    usage = await ask.desk.key_uses.of([key.id for key in keys])
    return tuple(KeyDetail.of(key, usage[key.id]) for key in keys)


def _wish(body: NewKey, workspace: str) -> KeyWish:
    return KeyWish(
        title=body.title, workspace=workspace, scopes=body.scopes, days=body.days, per_second=body.per_second
    )


async def _set_state(ask: Ask, name: str, state: State) -> ServiceDetail:
    keys = ask.desk.identity.keys
    return ServiceDetail.of(await keys.set_service_state(ask.actor, ask.known, ask.workspace, name, state))
