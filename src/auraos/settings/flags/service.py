"""`Flags`: the flags of all workspaces, evaluated in this process.

What is published is believed for two seconds, and looked at anew by one who asks after that. So a flag that is switched off,
published or archived is so in every process two seconds later, and everything in between costs no look at the store.
"""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime

import msgspec

from auraos.core.audit import Actor, Entry, Object
from auraos.core.document import read_document
from auraos.core.errors import AuraError
from auraos.core.lookups import Lookups
from auraos.core.values import Value
from auraos.settings.errors import NoFlagError
from auraos.settings.flags.evaluation import evaluate
from auraos.settings.flags.guard import RunCounts, Watched, look_at
from auraos.settings.flags.kind import NAME
from auraos.settings.flags.model import Evaluation, Flag, FlagType
from auraos.settings.flags.names import VERSION_OF
from auraos.settings.flags.reading import read_flag
from auraos.settings.flags.rows import FlagSource, FlagStore, FlagSwitch, FlagUse, LiveFlag

log = logging.getLogger("auraos.flags")
BELIEVED = 2.0
MOMENT = 0.1
EVERY = 10.0
"""So many seconds pass between the times that uses are written down."""
UNUSED = 30 * 24 * 3600 * 1_000_000
"""A flag that nobody asked for so long is stale, and one that gave everybody the same for so long."""


class FlagFacts(msgspec.Struct, frozen=True, kw_only=True):
    """How a flag stands."""

    name: str
    title: str
    labels: dict[str, str]
    type: FlagType
    version: int
    published_at: int
    is_off: bool
    switched_at: int = 0
    switched_by: str = ""
    why: str = ""
    given: dict[str, int] = {}
    """How often each variant was given."""
    used_at: int = 0
    expires: str = ""
    watched: tuple[Watched, ...] = ()
    """How the versions stand that its guard watches."""
    stale: tuple[str, ...] = ()
    """Why it could go, if anything says so."""


class _Known(msgspec.Struct, frozen=True):
    """The flags of a workspace as they were looked at."""

    flags: dict[str, tuple[Flag, LiveFlag]]
    switches: dict[str, FlagSwitch]
    until: float
    mark: int
    """What had been changed here when somebody began to look."""


class Flags:
    """The flags of all workspaces. Whoever calls it has asked whether the actor may."""

    def __init__(
        self,
        source: FlagSource,
        store: FlagStore,
        *,
        now: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
        counts: RunCounts | None = None,
    ) -> None:
        self._source = source
        self._store = store
        self._now = now
        self._monotonic = monotonic
        self._known: dict[str, _Known] = {}
        self._looking: dict[tuple[str, int], asyncio.Task[_Known]] = {}
        self._switched = 0
        self.lookups = Lookups()
        self._read: dict[tuple[str, str, int], Flag | None] = {}
        self._given: dict[tuple[str, str, str], FlagUse] = {}
        self._writing: asyncio.Task[None] | None = None
        self._guarding: set[tuple[str, str]] = set()
        self._counts = counts
        self.evaluations: Counter[tuple[str, str]] = Counter()
        """How many there were, by flag and reason."""
        self.stopped: Counter[str] = Counter()
        """How often guards switched flags off, by flag."""

    # --- evaluating ---

    async def evaluate(
        self, workspace: str, name: str, context: Mapping[str, Value], *, surely: bool = False
    ) -> Evaluation:
        """Return what a flag gives in a context, and why; raise `NoFlagError` where there is no such flag. `surely` it is not
        there when it was not a moment ago: one that was published just now is found.
        """
        known = await self._believed(workspace)
        found = known.flags.get(name)
        if found is None and surely and self._monotonic() > known.until - BELIEVED + MOMENT:
            self._known.pop(workspace, None)
            known = await self._believed(workspace)
            found = known.flags.get(name)
        if found is None:
            raise NoFlagError.of(name)
        return self._evaluate(workspace, known, found[0], found[1].version, context)

    async def evaluate_all(self, workspace: str, context: Mapping[str, Value]) -> list[Evaluation]:
        """Return what all flags of a workspace give in a context."""
        known = await self._believed(workspace)
        return [
            self._evaluate(workspace, known, flag, live.version, context)
            for _, (flag, live) in sorted(known.flags.items())
        ]

    async def decide(
        self, workspace: str, name: str, otherwise: bool, context: Mapping[str, Value]
    ) -> bool:  # fmt: skip
        """Return what a flag that guides the product says; `otherwise` where there is none, or none that can be followed."""
        try:
            known = await self._believed(workspace)
        except AuraError as error:
            log.warning("flags.away", extra={"flag": name, "why": error.message})
            return otherwise
        found = known.flags.get(name)
        if found is None:
            return otherwise
        given = self._evaluate(workspace, known, found[0], found[1].version, context)
        return given.value if isinstance(given.value, bool) else otherwise

    async def guide(self, workspace: str, name: str, context: Mapping[str, Value]) -> Evaluation | None:
        """Return what a flag that guides the product gives, None where there is none; where it cannot tell for this context,
        what it gives while it is off.
        """
        known = await self._believed(workspace)
        found = known.flags.get(name)
        if found is None:
            return None
        if found[0].guard is not None:
            self._guarding.add((workspace, name))
        given = self._evaluate(workspace, known, found[0], found[1].version, context)
        if not given.error_code:
            return given
        log.warning("flags.no_answer", extra={"workspace": workspace, "flag": name, "why": given.error})
        return evaluate(found[0], {}, now=self._clock, is_off=True)

    def _evaluate(
        self, workspace: str, known: _Known, flag: Flag, version: int, context: Mapping[str, Value]
    ) -> Evaluation:
        found = evaluate(flag, context, now=self._clock, is_off=_is_off(known, flag.name))
        self.evaluations[flag.name, found.reason] += 1
        mark = (workspace, flag.name, found.variant)
        before = self._given.get(mark)
        count = 1 if before is None else before.count + 1
        self._given[mark] = FlagUse(
            workspace=workspace, name=flag.name, variant=found.variant, count=count, at=self._now()
        )
        return msgspec.structs.replace(found, version=version)

    def _clock(self) -> datetime:
        return datetime.fromtimestamp(self._now() / 1_000_000, tz=UTC)

    # --- switching and looking ---

    async def switch(self, actor: Actor, workspace: str, name: str, *, off: bool, why: str = "") -> FlagFacts:
        """Switch a flag off, whatever it says, or on again; raise `NoFlagError`."""
        self._switched += 1
        known = await self._believed(workspace)
        if name not in known.flags:
            raise NoFlagError.of(name)
        before = known.switches.get(name)
        switch, entry = self._switching(actor, workspace, name, before, off=off, why=why)
        await self._store.switch(switch, entry)
        self._switched += 1
        return next(facts for facts in await self.facts(workspace) if facts.name == name)

    async def stop_by_guard(self, actor: Actor, workspace: str, name: str, why: str, *, since: int) -> bool:
        """Switch a flag off whose runs were counted since a time, unless it was switched or published anew meanwhile; return
        whether it was done.
        """
        known = await self._believed(workspace)
        live = known.flags.get(name)
        if live is None or _is_off(known, name) or _counts_since(known, live[1]) != since:
            return False
        before = known.switches.get(name)
        switch, entry = self._switching(actor, workspace, name, before, off=True, why=why)
        try:
            is_done = await self._store.switch_over(before, switch, entry)
        finally:
            self._switched += 1
        self.stopped[name] += is_done
        return is_done

    def _switching(
        self, actor: Actor, workspace: str, name: str, before: FlagSwitch | None, *, off: bool, why: str
    ) -> tuple[FlagSwitch, Entry]:
        switch = FlagSwitch(
            workspace=workspace, name=name, is_off=int(off), at=self._now(), author=actor.name, why=why
        )
        entry = Entry(
            at=switch.at, workspace=workspace, actor=actor, action="flags.switch",
            object=Object(kind=NAME, name=name), why=why,
            before={"off": before is not None and bool(before.is_off)}, after={"off": off},
        )  # fmt: skip
        return switch, entry

    # --- guarding ---

    async def guard_all(self) -> None:
        """Watch from now on also the flags with guards that this process was not asked for yet."""
        self._guarding |= set(await self._store.published(VERSION_OF))

    async def in_use(self) -> list[tuple[str, Flag, int]]:
        """Return the flags with guards that are not off and were asked for, each with its workspace and since when its runs
        count.
        """
        found = []
        for workspace, name in sorted(self._guarding):
            known = await self._believed(workspace)
            flag, live = known.flags.get(name, (None, None))
            if flag is None or live is None or flag.guard is None:
                self._guarding.discard((workspace, name))
            elif not _is_off(known, name):
                found.append((workspace, flag, _counts_since(known, live)))
        return found

    # --- looking ---

    async def facts(self, workspace: str) -> list[FlagFacts]:
        """Return how the flags of a workspace stand."""
        known = await self._believed(workspace)
        await self.write_uses()
        uses: dict[str, list[FlagUse]] = {}
        for use in await self._store.uses(workspace):
            uses.setdefault(use.name, []).append(use)
        return [
            self._facts(
                flag,
                live,
                known.switches.get(name),
                uses.get(name, ()),
                await self._watched(known, workspace, name),
            )
            for name, (flag, live) in sorted(known.flags.items())
        ]

    async def _watched(self, known: _Known, workspace: str, name: str) -> Sequence[Watched]:
        flag, live = known.flags[name]
        if flag.guard is None or self._counts is None:
            return ()
        return await look_at(self._counts, workspace, flag, _counts_since(known, live))

    async def find(self, workspace: str, name: str) -> LiveFlag | None:
        """Return a flag that is live, None where there is none."""
        found = (await self._believed(workspace)).flags.get(name)
        return found[1] if found is not None else None

    def _facts(
        self,
        flag: Flag,
        live: LiveFlag,
        switch: FlagSwitch | None,
        uses: Sequence[FlagUse],
        watched: Sequence[Watched],
    ) -> FlagFacts:
        given = {use.variant: use.count for use in uses}
        used_at = max((use.at for use in uses), default=0)
        return FlagFacts(
            name=flag.name, title=live.title, labels=live.labels, type=flag.type, version=live.version,
            published_at=live.published_at, is_off=switch is not None and bool(switch.is_off),
            switched_at=switch.at if switch is not None else 0, switched_by=switch.author if switch is not None else "",
            why=switch.why if switch is not None else "", given=given, used_at=used_at, expires=flag.expires,
            watched=tuple(watched), stale=tuple(self._stale(flag, live, used_at)),
        )  # fmt: skip

    def _stale(self, flag: Flag, live: LiveFlag, used_at: int) -> list[str]:
        now = self._now()
        found = []
        if flag.expires and self._clock().date() >= date.fromisoformat(flag.expires):
            found.append(f"It expired on {flag.expires}.")
        if now - max(used_at, live.published_at) > UNUSED:
            found.append("Nobody has asked for it for 30 days.")
        served = {flag.default, *(rule.serve for rule in flag.rules)}
        variants = {serve.variant for serve in served} | {
            each for serve in served for each, share in serve.split if share
        }
        if len(variants - {""}) == 1 and now - live.published_at > UNUSED:
            found.append("It has given everybody the same for 30 days.")
        return found

    # --- believing ---

    def _mark(self) -> int:
        """Return how often something was changed here: what was looked at before such a change is not believed after it."""
        return self._source.changes + self._switched

    async def _believed(self, workspace: str) -> _Known:
        known, mark = self._known.get(workspace), self._mark()
        if known is not None and known.mark == mark and self._monotonic() < known.until:
            self.lookups.hits += 1
            return known
        self.lookups.misses += 1
        place = (workspace, mark)
        looking = self._looking.get(place)
        if looking is None:
            looking = self._looking[place] = asyncio.create_task(self._look(workspace, mark))
            looking.add_done_callback(lambda _: self._looking.pop(place, None))
        return await asyncio.shield(looking)

    async def _look(self, workspace: str, mark: int) -> _Known:
        until = self._monotonic() + BELIEVED
        flags: dict[str, tuple[Flag, LiveFlag]] = {}
        for live in await self._source.live(workspace):
            flag = await self._flag(workspace, live)
            if flag is not None:
                flags[live.name] = (flag, live)
        switches = {each.name: each for each in await self._store.switches(workspace)}
        known = _Known(flags, switches, until, mark)
        if mark == self._mark():
            self._known[workspace] = known
        return known

    async def _flag(self, workspace: str, live: LiveFlag) -> Flag | None:
        mark = (workspace, live.name, live.version)
        if mark not in self._read:
            text = await self._source.text(*mark)
            document, _ = read_document(text, [NAME])
            self._read[mark] = read_flag(document)[0] if document is not None else None
            for old in [each for each in self._read if each[:2] == mark[:2] and each != mark]:
                del self._read[old]
        return self._read[mark]

    # --- uses ---

    def start(self) -> None:
        """Write down from now on, now and then, what was given."""
        self._writing = asyncio.create_task(self._keep_writing())

    async def stop(self) -> None:
        """Write down what was given, and nothing more; the store is still open."""
        if self._writing is not None:
            self._writing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._writing
        with contextlib.suppress(AuraError):
            await self.write_uses()

    async def write_uses(self) -> None:
        """Write down what was given since the last time."""
        given, self._given = self._given, {}
        if not given:
            return
        try:
            await self._store.note_uses(given.values())
        except AuraError as error:
            log.info("flags.uses_lost", extra={"why": error.message, "count": len(given)})

    async def _keep_writing(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            await self.write_uses()


def _is_off(known: _Known, name: str) -> bool:
    switch = known.switches.get(name)
    return switch is not None and bool(switch.is_off)


def _counts_since(known: _Known, live: LiveFlag) -> int:
    """Return since when runs count for the guard of a flag: since it was published, or was switched last."""
    switch = known.switches.get(live.name)
    return max(live.published_at, switch.at if switch is not None else 0)
