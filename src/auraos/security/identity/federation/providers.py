"""`Providers`: those who vouch for people here."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from auraos.core.audit import Actor, Entry, Object
from auraos.security.access.errors import ChangedMeanwhileError, NameTakenError, NotFoundError
from auraos.security.identity.federation.elsewhere import Elsewhere
from auraos.security.identity.rows import Provider
from auraos.security.identity.second_proofs import Seal
from auraos.security.row_store import Add, Remove, Replace, RowStore, Write

TAKEN: Final = ("scim",)
"""So begins what says of a group that a directory brought it, as the name of a provider does for its groups."""


class Providers:
    """Keeps who vouches for people. Whoever calls it has asked whether the actor may."""

    def __init__(self, store: RowStore, seal: Seal, elsewhere: Elsewhere, *, now: Callable[[], int]) -> None:
        self.elsewhere = elsewhere
        self._store = store
        self._seal = seal
        self._now = now

    async def all(self) -> Sequence[Provider]:
        """Return all who vouch for people, by name."""
        return await self._store.all(Provider)

    async def active(self, name: str) -> Provider:
        """Return somebody who vouches for people now."""
        provider = await self._store.one(Provider, name=name)
        if provider is None or provider.state != "active":
            raise NotFoundError.of("provider", name)
        return provider

    async def secret_of(self, provider: Provider) -> str:
        """Return what this installation proves itself by to a provider; nothing where it has nothing."""
        if not provider.client_secret:
            return ""
        return (await self._seal.open(provider.client_secret, f"provider/{provider.name}")).decode()

    async def put(self, actor: Actor, wish: Provider, secret: str | None) -> Provider:
        """Let somebody vouch for people, or change how; without a secret the one of before stays."""
        if wish.name in TAKEN:
            raise NameTakenError(
                f"No provider is called {wish.name!r}: it would say who is in the groups of directories.",
                hint="Choose another name.",
            )
        before = await self._store.one(Provider, name=wish.name)
        now = self._now()
        sealed = before.client_secret if before is not None else ""
        if secret is not None:
            sealed = await self._seal.seal(secret.encode(), f"provider/{wish.name}") if secret else ""
        begun = before.created_at if before is not None else now
        after = msgspec.structs.replace(wish, client_secret=sealed, created_at=begun, changed_at=now)
        write: Write = Add(after) if before is None else Replace(before, after)
        if after != before:
            await self._save(write, self._entry(actor, wish.name, before=_told(before), after=_told(after)))
        return after

    async def remove(self, actor: Actor, name: str) -> None:
        """Let somebody vouch for nobody any more."""
        provider = await self._store.one(Provider, name=name)
        if provider is None:
            raise NotFoundError.of("provider", name)
        await self._save(Remove(provider), self._entry(actor, name, before=_told(provider)))

    async def _save(self, write: Write, entry: Entry) -> None:
        if await self._store.save([write], [entry]) is not None:
            raise ChangedMeanwhileError.of("provider", entry.object.name if entry.object else "")

    def _entry(self, actor: Actor, name: str, **more: Any) -> Entry:
        about = Object(kind="provider", name=name)
        return Entry(
            at=self._now(), workspace="", actor=actor, action="people.providers", object=about, **more
        )


def _told(provider: Provider | None) -> dict[str, Any] | None:
    """Return what the audit trail tells of a provider: whether it has a secret, not which."""
    if provider is None:
        return None
    told: dict[str, Any] = msgspec.to_builtins(provider)
    return {**told, "client_secret": bool(provider.client_secret)}
