"""`Keys`: the keys that seal what is kept, one a workspace, each sealed itself by the master key.

Nobody is ever given a key: what is to be sealed or opened is brought here.
"""

import os
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from auraos.core.audit import Actor, Entry, Object
from auraos.security.access.walls import everywhere
from auraos.security.row_store import Add, Replace, RowStore
from auraos.security.secrets.envelope import KEY_BYTES, seal, sealer_of, unseal
from auraos.security.secrets.errors import MasterKeyError, SealBrokenError
from auraos.security.secrets.master import MasterKeys, MasterSource
from auraos.security.secrets.rows import DataKey, KeyState

MOST_TRIES: Final = 20
INSTALLATION: Final = ""
MOST_LOOKED_AT: Final = 100
"""In place of a workspace: what belongs to the installation as a whole."""


class KeyFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of a key: everything but the key."""

    id: str
    version: int
    state: KeyState
    master: str
    created_at: int
    retired_at: int


class MasterRotation(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a rotation of the master key."""

    master: str
    sealed_anew: int


class Keys:
    """Seals and opens, and has its keys changed while others use them."""

    def __init__(
        self,
        store: RowStore,
        source: MasterSource,
        *,
        installation: str,
        now: Callable[[], int],
        new_id: Callable[[], str],
        chance: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._store = store
        self._source = source
        self._installation = installation
        self._now = now
        self._new_id = new_id
        self._chance = chance
        self._masters: MasterKeys | None = None
        self._opened: dict[str, bytes] = {}

    async def seal(self, workspace: str, place: tuple[str, ...], content: bytes) -> bytes:
        """Return the content under the seal of a workspace, for a place in it."""
        key = await self.live(workspace)
        return seal(await self._open_key(key), key.id, self._bound(workspace, place), content, self._chance)

    async def unseal(self, workspace: str, place: tuple[str, ...], sealed: bytes) -> bytes:
        """Return what was sealed for this place of this workspace; raise `SealBrokenError` for all else."""
        name = sealer_of(sealed)
        if name not in self._opened:
            key = await self._store.one(DataKey, id=name, workspace=workspace)
            if key is None:
                raise SealBrokenError(
                    f"The key {name!r} is not one of this workspace.",
                    hint="It was moved here from elsewhere.",
                )
            await self._open_key(key)
        return unseal(self._opened[name], self._bound(workspace, place), sealed)

    def forget(self) -> None:
        """Forget all keys that are in memory; those that are still kept are opened anew."""
        self._opened.clear()

    async def live(self, workspace: str) -> DataKey:
        """Return the key that seals for a workspace now; make the first one where there is none."""
        for _ in range(MOST_TRIES):
            found = await self._store.one(DataKey, workspace=workspace, state="live")
            if found is not None:
                return found
            last = max(
                (key.version for key in await self._store.all(DataKey, workspace=workspace)), default=0
            )
            made = await self._new_key(workspace, last + 1)
            if await self._store.save([Add(made)]) is None:
                await self._settle(made)
        raise MasterKeyError("No key for a workspace could be made.", hint="Try again.")

    async def list(self, workspace: str) -> Sequence[KeyFacts]:
        """Return what is known of the keys of a workspace, the newest first."""
        keys = await self._store.all(DataKey, workspace=workspace)
        return [
            KeyFacts(
                id=key.id, version=key.version, state=key.state, master=key.master, created_at=key.created_at,
                retired_at=key.retired_at,
            )
            for key in sorted(keys, key=lambda key: -key.version)
        ]  # fmt: skip

    async def rotate(self, actor: Actor, workspace: str) -> DataKey:
        """Have a new key seal for a workspace from now on; what the former sealed still opens."""
        for _ in range(MOST_TRIES):
            former = await self.live(workspace)
            made = await self._new_key(workspace, former.version + 1)
            retired = msgspec.structs.replace(former, state="retired", retired_at=self._now())
            entry = Entry(
                at=self._now(), workspace=workspace, actor=actor, action="secrets.rotate",
                object=Object(kind="key", name=made.id), before={"version": former.version},
                after={"version": made.version},
            )  # fmt: skip
            if await self._store.save([Replace(former, retired), Add(made)], [entry]) is None:
                await self._settle(made)
                return made
        raise MasterKeyError("Others rotate the same key at every try.", hint="Try again.")

    async def rotate_master(self, actor: Actor) -> MasterRotation:
        """Seal all keys by a new master key. It can be broken off at any point and begun again."""
        masters = self._masters = await self._source.begin_rotation()
        count = 0
        for key in await self._store.all(DataKey):
            count += await self._seal_anew(key, masters)
        await self._source.end_rotation(masters)
        entry = Entry(
            at=self._now(), workspace="", actor=actor, action="installation.rotate",
            object=Object(kind="master-key", name=masters.current), after={"sealed_anew": count},
        )  # fmt: skip
        await self._store.save([], [entry])
        return MasterRotation(master=masters.current, sealed_anew=count)

    async def _seal_anew(self, key: DataKey, masters: MasterKeys) -> bool:
        if key.master == masters.current:
            return False
        raw = await self._open_key(key)
        wrapped = seal(masters.key(masters.current), masters.current, self._place_of(key), raw, self._chance)
        after = msgspec.structs.replace(key, master=masters.current, wrapped=wrapped)
        if await self._store.save([Replace(key, after)]) is None:
            return True
        found = await self._store.one(
            DataKey, id=key.id
        )  # it was just retired, or another process did the same
        return found is not None and await self._seal_anew(found, masters)

    # --- the keys themselves ---
    async def look(self) -> int:
        """Return how many keys of workspaces were opened anew by the master key as it is now; raise where one does not open."""
        keys = await self._store.all(DataKey, limit=MOST_LOOKED_AT)
        masters = await self._source.read(make=False) if keys else None
        for key in keys:
            assert masters is not None
            unseal(masters.key(key.master), self._place_of(key), key.wrapped)
        return len(keys)

    async def _new_key(self, workspace: str, version: int) -> DataKey:
        masters = await self._read_masters()
        key = DataKey(
            id=self._new_id(), workspace=workspace, version=version, master=masters.current, wrapped=b"",
            created_at=self._now(),
        )  # fmt: skip
        raw = self._chance(KEY_BYTES)
        wrapped = seal(masters.key(masters.current), masters.current, self._place_of(key), raw, self._chance)
        self._opened[key.id] = raw
        return msgspec.structs.replace(key, wrapped=wrapped)

    async def _settle(self, made: DataKey) -> None:
        """Seal a new key anew if the master key was changed by another process in that moment."""
        masters = self._masters = await self._source.read(make=False)
        await self._seal_anew(made, masters)

    async def _open_key(self, key: DataKey) -> bytes:
        found = self._opened.get(key.id)
        if found is None:
            masters = await self._known_masters()
            if key.master not in masters:  # it was changed by another process, or by whoever keeps it
                masters = self._masters = await self._source.read(make=False)
            found = unseal(masters.key(key.master), self._place_of(key), key.wrapped)
            self._opened[key.id] = found
        return found

    async def _known_masters(self) -> MasterKeys:
        return self._masters or await self._read_masters()

    async def _read_masters(self) -> MasterKeys:
        """Return the master keys as they are now. A new one is made only where nothing was sealed yet."""
        with everywhere():  # a master key is made for the whole installation, once
            is_first = not await self._store.all(DataKey, limit=1)
        self._masters = await self._source.read(make=is_first)
        return self._masters

    def _bound(self, workspace: str, place: tuple[str, ...]) -> tuple[str, ...]:
        return (self._installation, workspace, *place)

    def _place_of(self, key: DataKey) -> tuple[str, ...]:
        return self._bound(key.workspace, ("data-key", key.id, str(key.version)))
