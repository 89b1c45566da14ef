"""`Keys`: what programs come in by, of a person or of a service account. A key is shown once, and only its digest is kept."""

from collections.abc import Callable, Sequence

import msgspec

from auraos.core.audit import Actor, Entry, Object
from auraos.security.access import Principal
from auraos.security.access.errors import ChangedMeanwhileError, NameTakenError, NotFoundError
from auraos.security.access.principal import EVERYWHERE
from auraos.security.access.rows import Held
from auraos.security.access.service import Access
from auraos.security.identity.errors import PersonNeededError
from auraos.security.identity.rows import Key, Service, State
from auraos.security.identity.tokens import KEY, digest, new_token
from auraos.security.row_store import Add, Clear, Replace, RowStore, Write

DAY = 24 * 3600 * 1_000_000


class KeyWish(msgspec.Struct, frozen=True, kw_only=True):
    """What a key is to be good for."""

    title: str
    workspace: str = EVERYWHERE
    scopes: tuple[str, ...] | None = None
    days: int = 90
    per_second: int = 0


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that was just made, and the token that carries it, which is shown this once."""

    key: Key
    token: str


class Keys:
    """Keys and service accounts. Whoever calls it has asked whether the actor may."""

    def __init__(
        self,
        store: RowStore,
        access: Access,
        *,
        now: Callable[[], int],
        new_id: Callable[[], str],
        forget: Callable[[], None],
    ) -> None:
        self._store = store
        self._access = access
        self._now = now
        self._new_id = new_id
        self._forget = forget

    # --- keys of one's own ---

    async def own(self, who: Principal) -> Sequence[Key]:
        """Return the keys of somebody."""
        _refuse_keys(who)
        return await self._store.all(Key, owner=who.id, owner_kind="person")

    async def add_own(self, actor: Actor, who: Principal, wish: KeyWish) -> NewKey:
        """Make a key by which a program does what this person may."""
        _refuse_keys(who)
        return await self._add(actor, "person", who.id, who.name, "", wish)

    async def revoke_own(self, actor: Actor, who: Principal, number: str) -> None:
        """Let a key of one's own open nothing any more; a key can do that to itself."""
        if number != who.key:
            _refuse_keys(who)
        key = await self._store.one(Key, id=number)
        if key is None or key.owner != who.id or key.owner_kind != who.kind:
            raise NotFoundError.of("key", number)
        await self._revoke(actor, key, "")

    # --- service accounts ---

    async def services(self, workspace: str) -> Sequence[Service]:
        """Return the service accounts of a workspace by name."""
        return await self._store.all(Service, order="name", workspace=workspace)

    async def service(self, workspace: str, name: str) -> Service:
        """Return a service account."""
        found = await self._store.one(Service, workspace=workspace, name=name)
        if found is None:
            raise NotFoundError.of("service", name)
        return found

    async def add_service(self, actor: Actor, workspace: str, name: str, title: str) -> Service:
        """Add a service account that may do nothing yet."""
        made = Service(
            id=self._new_id(), workspace=workspace, name=name, title=title, created_at=self._now(), created_by=actor.name
        )  # fmt: skip
        entry = self._entry(actor, "services.add", workspace, "service", name)
        if await self._store.save([Add(made)], [entry]) is not None:
            raise NameTakenError(f"There is a service account {name!r} already.", hint="Choose another name.")
        return made

    async def set_service_state(
        self, actor: Actor, who: Principal, workspace: str, name: str, state: State
    ) -> Service:
        """Let the keys of a service account open something, or nothing."""
        before = await self.service(workspace, name)
        if before.state == state:
            return before
        await self._access.refuse_above(who, "service", before.id, f"Changing {name!r}")
        after = msgspec.structs.replace(before, state=state)
        action = "services.disable" if state == "disabled" else "services.enable"
        await self._save([Replace(before, after)], self._entry(actor, action, workspace, "service", name))
        return after

    async def remove_service(self, actor: Actor, who: Principal, workspace: str, name: str) -> None:
        """Let go of a service account, with its keys and all that was granted to it."""
        service = await self.service(workspace, name)
        await self._access.refuse_above(who, "service", service.id, f"Removing {name!r}")
        writes: list[Write] = [
            Clear(Service, {"id": service.id}), Clear(Key, {"owner": service.id}), Clear(Held, {"holder": service.id}),
        ]  # fmt: skip
        await self._save(writes, self._entry(actor, "services.remove", workspace, "service", name))

    async def keys_of(self, workspace: str, name: str) -> Sequence[Key]:
        """Return the keys of a service account."""
        service = await self.service(workspace, name)
        return await self._store.all(Key, owner=service.id, owner_kind="service")

    async def add_to_service(
        self, actor: Actor, who: Principal, workspace: str, name: str, wish: KeyWish
    ) -> NewKey:
        """Make a key of a service account; raise `NotAllowedError` when the account may do more than whoever makes it."""
        service = await self.service(workspace, name)
        await self._access.refuse_above(who, "service", service.id, f"A key of {name!r}")
        wish = msgspec.structs.replace(wish, workspace=workspace)
        return await self._add(actor, "service", service.id, name, workspace, wish)

    async def revoke_of_service(self, actor: Actor, workspace: str, name: str, number: str) -> None:
        """Let a key of a service account open nothing any more."""
        service = await self.service(workspace, name)
        key = await self._store.one(Key, id=number, owner=service.id)
        if key is None:
            raise NotFoundError.of("key", number)
        await self._revoke(actor, key, workspace)

    # --- how ---

    async def _add(
        self, actor: Actor, owner_kind: str, owner: str, name: str, workspace: str, wish: KeyWish
    ) -> NewKey:
        token, now = new_token(KEY), self._now()
        key = Key(
            id=self._new_id(), digest=digest(token), owner_kind="person" if owner_kind == "person" else "service",
            owner=owner, title=wish.title, workspace=wish.workspace, scopes=wish.scopes, created_at=now,
            created_by=actor.name, ends_at=now + wish.days * DAY, per_second=wish.per_second, maker=actor.id,
        )  # fmt: skip
        entry = Entry(
            at=now, workspace=workspace, actor=actor, action="keys.add",
            object=Object(kind=owner_kind, name=name, id=owner if owner_kind == "person" else ""),
            after={"key": key.id, **msgspec.to_builtins(wish)},
        )  # fmt: skip
        await self._save([Add(key)], entry)
        return NewKey(key=key, token=token)

    async def _revoke(self, actor: Actor, key: Key, workspace: str) -> None:
        if not key.revoked_at:
            after = msgspec.structs.replace(key, revoked_at=self._now())
            await self._save(
                [Replace(key, after)], self._entry(actor, "keys.revoke", workspace, "key", key.id)
            )

    def _entry(self, actor: Actor, action: str, workspace: str, kind: str, name: str) -> Entry:
        about = Object(kind=kind, name=name)
        return Entry(at=self._now(), workspace=workspace, actor=actor, action=action, object=about)

    async def _save(self, writes: Sequence[Write], entry: Entry) -> None:
        if await self._store.save(writes, [entry]) is not None:
            about = entry.object or Object(kind="")
            raise ChangedMeanwhileError.of(about.kind, about.name)
        self._forget()


def _refuse_keys(who: Principal) -> None:
    """Raise `PersonNeededError` unless a person is signed in: a key sees and makes no others."""
    if not who.session:
        raise PersonNeededError("A key sees and makes no other keys.", hint="Sign in by name.")
