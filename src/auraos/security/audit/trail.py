"""`AuditTrail`: what there is to be seen of the trail, and what may be done to it: it is added to, signed, and in whole stretches
let go when it was kept for long enough.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from auraos.core.audit import Actor, Entry, Object
from auraos.core.errors import UserError
from auraos.security.audit import export
from auraos.security.audit.chain import ERASED, Kept
from auraos.security.audit.checkpoints import Checkpoints
from auraos.security.audit.parts import entry_of
from auraos.security.audit.signing import KnownKey
from auraos.security.audit.store import AuditStore, Checkpoint, Filter, Head
from auraos.security.audit.verify import PRUNE

Form: TypeAlias = Literal["jsonl", "csv", "cef"]
PAGE: Final = 500
SLICE: Final = 2000
"""So many entries are deleted in one change, so that others are not held up."""
DAY: Final = 24 * 3600 * 1_000_000
LEAST_KEPT: Final = 30 * DAY
"""Nothing younger is let go."""


class NoEntryError(UserError):
    """The audit trail has no such entry, or not for whoever asks."""

    code = "no-audit-entry"


class KeptTooShortError(UserError):
    """The audit trail is kept for longer than that."""

    code = "audit-kept-longer"


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as it is shown: people by their names of today."""

    seq: int
    entry: Entry
    hash: str
    is_erased: bool
    """Whether a part of it was erased."""


class Pruned(msgspec.Struct, frozen=True, kw_only=True):
    """What was let go: all entries up to a number; 0 for none."""

    until: int
    entries: int


async def nothing_under_way() -> None:
    """Return at once."""


class AuditTrail:
    """The trail of one installation. Whoever calls it has asked whether the actor may."""

    def __init__(
        self, store: AuditStore, checkpoints: Checkpoints, *, installation: str, now: Callable[[], int]
    ) -> None:
        self.store = store
        self.checkpoints = checkpoints
        self.settled: Callable[[], Awaitable[None]] = nothing_under_way
        """Returns when all that this process was told is in the trail."""
        self._installation = installation
        self._now = now

    # --- looking ---

    async def page(self, wanted: Filter, *, before: int | None, limit: int) -> Sequence[Shown]:
        """Return entries, the newest first, from before a number on."""
        await self.settled()
        return await self.shown(
            await self.store.newest(await self._resolved(wanted), before=before, limit=limit)
        )

    async def after(self, wanted: Filter, seq: int, limit: int = PAGE) -> Sequence[Shown]:
        """Return the entries that came after a number, in order."""
        return await self.shown(await self.store.oldest(await self._resolved(wanted), after=seq, limit=limit))

    async def one(self, seq: int, workspace: str | None) -> Shown:
        """Return an entry of a workspace, or of any; raise `NoEntryError` if there is none."""
        found = await self.store.one(seq)
        if found is None or workspace not in (None, found.workspace):
            raise NoEntryError(f"There is no entry {seq}.", hint="List the entries.")
        return (await self.shown([found]))[0]

    async def head(self) -> Head:
        """Return the end of the chain."""
        await self.settled()
        return await self.store.head()

    async def shown(self, entries: Sequence[Kept]) -> list[Shown]:
        """Return entries as they are shown."""
        names = await self._names(entries)
        return [
            Shown(
                seq=kept.seq, entry=entry_of(kept.facts, kept.told, kept.origin, names), hash=kept.hash,
                is_erased=kept.told.startswith(ERASED) or kept.origin.startswith(ERASED),
            )
            for kept in entries
        ]  # fmt: skip

    # --- writing it out ---

    async def export(self, actor: Actor, wanted: Filter, form: Form, version: str) -> AsyncIterator[bytes]:
        """Return the trail as lines, a page of it at a time; that it was taken along is told of first."""
        wanted = await self._resolved(wanted)
        asked = {
            name: value for name, value in msgspec.to_builtins(wanted).items() if value not in ("", None)
        }
        entry = Entry(
            at=self._now(), workspace=wanted.workspace or "", actor=actor, action="audit.export",
            object=Object(kind="audit", name=form), after={"form": form, **asked},
        )  # fmt: skip
        await self.store.tell(entry)
        return self._lines(wanted, form, version)

    async def _lines(self, wanted: Filter, form: Form, version: str) -> AsyncIterator[bytes]:
        head = await self.store.head()
        if form == "jsonl":
            yield await self._opening(head, wanted)
        elif form == "csv":
            yield export.csv_header()
        after = head.floor
        while found := await self.store.oldest(wanted, after=after, limit=PAGE):
            names = await self._names(found)
            after = found[-1].seq
            match form:
                case "jsonl":
                    yield b"".join(export.line_of(kept, names) for kept in found if kept.seq <= head.seq)
                case "csv":
                    yield b"".join(export.csv_line(kept, names) for kept in found if kept.seq <= head.seq)
                case "cef":
                    yield b"".join(
                        export.cef_line(kept, names, version) for kept in found if kept.seq <= head.seq
                    )
            if after >= head.seq:
                break
        if form == "jsonl" and wanted == Filter():
            async for made in self._signed(head.seq):
                yield export.signed_line(made)

    async def _opening(self, head: Head, wanted: Filter) -> bytes:
        made = export.Opening(
            installation=self._installation, at=self._now(), head=head, keys=await self.checkpoints.known(),
            wanted=None if wanted == Filter() else wanted,
        )  # fmt: skip
        return msgspec.json.encode(made) + b"\n"

    async def _signed(self, until: int) -> AsyncIterator[Checkpoint]:
        after = 0
        while found := await self.store.checkpoints(after=after):
            for made in found:
                if made.seq <= until:
                    yield made
            after = found[-1].seq

    # --- keeping it ---

    async def rotate_key(self, actor: Actor) -> KnownKey:
        """Let another key sign from now on."""
        return await self.checkpoints.rotate(actor)

    async def prune(self, actor: Actor, older_than: int) -> Pruned:
        """Let go of entries that are older than so many microseconds: as far as a signed head covers nothing younger. The rest
        still verifies from that head on.
        """
        if older_than < LEAST_KEPT:
            raise KeptTooShortError(
                f"Entries of the last {LEAST_KEPT // DAY} days are always kept.", hint="Name a longer time."
            )
        head = await self.store.head()
        younger = await self.store.oldest(Filter(since=self._now() - older_than), after=0, limit=1)
        until = younger[0].seq - 1 if younger else head.seq
        checkpoint = await self.store.last_checkpoint(until=until)
        if checkpoint is None or checkpoint.seq <= head.floor:
            return Pruned(until=0, entries=await self._clear())
        entry = Entry(
            at=self._now(), workspace="", actor=actor, action=PRUNE, object=Object(kind="audit"),
            before={"from": head.floor + 1}, after={"until": checkpoint.seq},
        )  # fmt: skip
        await self.store.raise_floor(checkpoint, entry)
        return Pruned(until=checkpoint.seq, entries=await self._clear())

    # --- how ---

    async def _clear(self) -> int:
        count = 0
        while some := await self.store.clear(most=SLICE):
            count += some
        return count

    async def _resolved(self, wanted: Filter) -> Filter:
        """Return a filter that names whoever acted by their id, where it has their name."""
        if not wanted.actor:
            return wanted
        ids = await self.store.ids(wanted.actor)
        return msgspec.structs.replace(wanted, actor=ids[0]) if ids else wanted

    async def _names(self, entries: Sequence[Kept]) -> Mapping[str, str]:
        return await self.store.names(export.ids_of(entries))
