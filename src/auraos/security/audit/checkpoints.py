"""`Checkpoints`: signs the head of the trail again and again, after it has looked that what came since holds."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Final

import msgspec

from auraos.core.audit import Actor, Entry, Object
from auraos.core.errors import AuraError, OperationalError
from auraos.security.audit.chain import BEGINNING, hash_of
from auraos.security.audit.signing import KeyPlace, KnownKey, SignedHead, Signer
from auraos.security.audit.store import AuditStore, Checkpoint, Filter, Head, in_order

log = logging.getLogger("auraos.audit")
LOOK: Final = 15.0
"""So often, in seconds, it is looked whether a head is to be signed."""
ENTRIES: Final = 1000
"""After so many entries a head is signed,"""
LONGEST: Final = 600 * 1_000_000
"""or after so many microseconds, if there is any new one."""
HOUSE: Final = Actor(kind="house", id="audit", name="the audit trail")
KEY: Final = "audit-key"


class AuditBrokenError(OperationalError):
    """The audit trail does not hold: entries were changed behind the back of the server."""

    code = "audit-broken"


class Checkpoints:
    """The signed heads of one process."""

    def __init__(
        self,
        store: AuditStore,
        place: KeyPlace,
        installation: str,
        *,
        now: Callable[[], int],
        new_seed: Callable[[], bytes],
    ) -> None:
        self._store = store
        self._place = place
        self._installation = installation
        self._now = now
        self._new_seed = new_seed
        self._signer: Signer | None = None
        self._turn = asyncio.Lock()
        self._watching: asyncio.Task[None] | None = None
        self.broken = ""
        """Why no head is signed any more; nothing while all holds."""

    def start(self) -> None:
        """Sign from now on, as it becomes time."""
        self._watching = asyncio.get_running_loop().create_task(self._watch())

    async def stop(self) -> None:
        """Sign what is left, and stop."""
        if self._watching is None:
            return
        self._watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._watching
        self._watching = None
        with contextlib.suppress(AuraError):
            await self.sign()

    async def known(self) -> tuple[KnownKey, ...]:
        """Return the public halves of the keys that signed here, the one that signs now last."""
        await self._own()
        return await asyncio.to_thread(self._place.known)

    async def look(self) -> SignedHead | None:
        """Sign the head if it is time for it."""
        head, last = await self._store.head(), await self._store.last_checkpoint()
        behind = head.seq - (last.seq if last is not None else head.floor)
        is_late = last is None or self._now() - last.at >= LONGEST
        return await self.sign() if behind >= ENTRIES or (behind and is_late) else None

    async def sign(self) -> SignedHead:
        """Sign the head as it is; raise `AuditBrokenError` where what came since the last time does not hold."""
        async with self._turn:
            return await self._sign(await self._own())

    async def rotate(self, actor: Actor) -> KnownKey:
        """Let another key sign from now on. The former one signs once more, that this is so; its public half is kept."""
        async with self._turn:
            former = await self._own()
            seed = self._new_seed()
            signer = Signer(seed, self._installation)
            entry = Entry(
                at=self._now(), workspace="", actor=actor, action="audit.rotate-key",
                object=Object(kind=KEY, name=signer.id), before={"key": former.id},
                after={"key": signer.id, "public": signer.public},
            )  # fmt: skip
            await self._store.tell(entry)
            await self._sign(former)
            await asyncio.to_thread(self._take, seed, signer)
            self._signer = signer
            return (await asyncio.to_thread(self._place.known))[-1]

    async def _sign(self, signer: Signer) -> SignedHead:
        head, last = await self._store.head(), await self._store.last_checkpoint()
        if not head.seq:
            return signer.sign(0, BEGINNING, self._now())
        try:
            await self._refuse_broken(head, last)
        except AuditBrokenError as error:
            self.broken = error.message
            raise
        self.broken = ""
        made = signer.sign(head.seq, head.hash, self._now())
        if last is None or last.seq < head.seq:
            await self._store.add_checkpoint(made.checkpoint)
            await asyncio.to_thread(self._place.keep_head, made)
        return made

    async def _refuse_broken(self, head: Head, last: Checkpoint | None) -> None:
        """Raise `AuditBrokenError` unless the entries since the last signed head lead to this one."""
        seq, so_far = (last.seq, last.hash) if last is not None else (0, BEGINNING)
        async for kept in in_order(self._store, Filter(), after=seq):
            if kept.seq > head.seq:
                break
            so_far = hash_of(so_far, kept.seq, kept.digest)
            if kept.seq != seq + 1 or so_far != kept.hash:
                raise _broken(kept.seq)
            seq = kept.seq
        if (seq, so_far) != (head.seq, head.hash):
            raise _broken(seq + 1)

    async def _own(self) -> Signer:
        """Return the key that signs; make one where there is none yet, and tell of it."""
        if self._signer is None:
            seed = await asyncio.to_thread(self._place.seed)
            if seed is None:
                seed = self._new_seed()
                signer = Signer(seed, self._installation)
                await asyncio.to_thread(self._take, seed, signer)
                await self._store.tell(
                    Entry(
                        at=self._now(),
                        workspace="",
                        actor=HOUSE,
                        action="audit.use-key",
                        object=Object(kind=KEY, name=signer.id),
                        after={"key": signer.id, "public": signer.public},
                    )
                )
            self._signer = Signer(seed, self._installation)
        return self._signer

    def _take(self, seed: bytes, signer: Signer) -> None:
        """Keep a new key in place of the one that signed. Its public half is there first, so that none is ever missing."""
        now = self._now()
        former = [
            msgspec.structs.replace(key, until=key.until or now)
            for key in self._place.known()
            if key.id != signer.id
        ]
        self._place.keep_known((*former, KnownKey(id=signer.id, public=signer.public, since=now)))
        self._place.keep_seed(seed)

    async def _watch(self) -> None:
        while True:
            try:
                await self.look()
            except AuditBrokenError as error:
                log.critical("audit.broken", extra={"why": error.message, "hint": "auraos audit verify"})
            except OperationalError as error:
                log.warning("audit.not_signed", extra={"why": error.message})
            await asyncio.sleep(LOOK)


def _broken(seq: int) -> AuditBrokenError:
    return AuditBrokenError(
        f"The audit trail does not hold at entry {seq}: no head is signed any more.",
        hint="Stop the server, keep a copy of its store, and find out what was done: auraos audit verify",
    )
