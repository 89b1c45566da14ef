"""`Runs`: the runs of a workspace as a server shows and leads them. A run of another workspace is as good as none.

What somebody asks for is written down before it is done, stands in the audit trail with what came of it, and the journal of the
run names who asked.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Literal

import msgspec

from auraos.app.audit.witness import Witness
from auraos.app.runs.failed import Found, Wanted, find_failures
from auraos.app.runs.keys import id_of, plainly, taken
from auraos.app.runs.quotas import RunQuotas
from auraos.app.runs.reading import Journals, beside
from auraos.app.runs.start_limits import StartLimits
from auraos.core.audit import Actor, Entry, Object
from auraos.core.errors import UserError
from auraos.core.run import RunState, RunView, encode_fact, fold, view
from auraos.core.run.facts import AnyFact, RunStarted
from auraos.core.schemas import given_input
from auraos.core.values import Value
from auraos.engine.answers import RequestRefusedError
from auraos.engine.definitions import TRIAL, Definitions
from auraos.engine.endings import Begun, Ended
from auraos.engine.engine import Engine
from auraos.engine.ports import Blobs, LogLine, NotFoundError, RunQuery, RunRow, Version
from auraos.engine.stewardship import InspectedStore
from auraos.engine.stream import Change, changes_after, veil
from auraos.security.access.walls import within
from auraos.settings.flags.service import Flags

Outcome = Literal["succeeded", "failed", "retry"]
_AT_ONCE = 1000
_LONGEST_LOOK = 10_000
"""So many runs are looked at for one page, of which some may not be seen."""


class NoRunError(UserError):
    """There is no such run in this workspace."""

    code = "not-found"

    @classmethod
    def of(cls, name: str) -> "NoRunError":
        """Return what is told of a run that is not there, or not for whoever asks."""
        return cls(f"There is no run {name!r}.", hint="List the runs.")


class NoFactError(UserError):
    """A run has no fact of this number."""

    code = "no-fact"


class RunRefusedError(UserError):
    """The run is in no state in which this can be asked of it."""

    code = "request-refused-by-run"


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, and in which request."""

    actor: Actor
    request: str = ""

    @property
    def by(self) -> str:
        """Return who asks, as journals have it."""
        return self.actor.name or self.actor.id


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A run as it is, or was after some of its facts."""

    row: RunRow
    view: RunView
    seq: int
    """So many facts it had then."""
    of: int
    """So many it has."""
    size: int = 0
    """So many bytes they are of."""


class Runs:
    """Shows runs, and leads them."""

    def __init__(  # noqa: PLR0913 (what runs are shown from and led by)
        self, engine: Engine, store: InspectedStore, blobs: Blobs, definitions: Definitions,
        witness: Witness, *, shown: InspectedStore, quotas: RunQuotas | None = None,
        flags: Flags | None = None,
    ) -> None:  # fmt: skip
        self.engine = engine
        self.limits = StartLimits(quotas, flags)
        self._shown = shown
        self._store = store
        self._journals = Journals(store, shown, blobs)
        self._definitions = definitions
        self._witness = witness

    # --- looking ---

    async def find(self, workspace: str, name: str) -> RunRow:
        """Return the run of this number, id, or beginning of an id; raise `NoRunError` if there is none."""
        row = await self._store.find(name, workspace=workspace)
        if row is None:
            raise NoRunError.of(name)
        return row

    async def page(
        self, query: RunQuery, reaches: Callable[[RunRow], Awaitable[bool]] | None = None
    ) -> tuple[Sequence[RunRow], str]:
        """Return runs, newest first, and the id after which there are more. `reaches` says of a run whether it is seen."""
        rows: list[RunRow] = []
        before, looked_at = query.before, 0
        while len(rows) <= query.limit and looked_at < _LONGEST_LOOK:
            wanted = min(_AT_ONCE, query.limit + 1 - len(rows)) if reaches is None else _AT_ONCE
            found = await self._store.runs(msgspec.structs.replace(query, before=before, limit=wanted))
            rows += [row for row in found if reaches is None or await reaches(row)]
            if len(found) < wanted:
                before = ""
                break
            before, looked_at = found[-1].run, looked_at + len(found)
        shown = rows[: query.limit]
        return shown, shown[-1].run if len(rows) > query.limit else before

    async def failures(self, wanted: Wanted, reaches: Callable[[RunRow], Awaitable[bool]] | None) -> Found:
        """Return the failed runs that nobody has taken up again."""
        return await find_failures(self._shown, wanted, reaches)

    async def is_private(self, row: RunRow) -> bool:
        """Return whether what a run is about is shown only to those who may reveal it."""
        return await self._shown.is_private(row.run)

    async def note_reveal(self, asking: Asking, row: RunRow, what: str) -> None:
        """Write down that somebody is shown what a private run is about."""
        await self._witness.tell(self._entry_of(asking, row, "privacy.reveal", after={"what": what}))

    async def version(self, row: RunRow) -> Version:
        """Return the version that a run lives by."""
        kept = await self._store.version(row.version)
        if kept is None:
            raise NotFoundError(f"The text of version {row.version[:12]!r} is not in the store.")
        return kept

    async def look(self, row: RunRow, seq: int | None = None, *, revealed: bool = False) -> Seen:
        """Return a run as it is, or as it was after so many facts. Of a private run the values are there only when `revealed`."""
        facts, size = await self._journals.facts(row, revealed=revealed)
        upto = len(facts) if seq is None else seq
        if not 1 <= upto <= len(facts):
            raise NoFactError(f"Run {row.run} has facts 1 to {len(facts)}, not {upto}.")
        kept = await self.version(row)
        seen = await beside(size, lambda: view(self._definitions.compile(kept), facts[:upto]))
        return Seen(row=row, view=seen, seq=upto, of=len(facts), size=size)

    async def questions(self, row: RunRow) -> dict[str, dict[str, Value]]:
        """Return what steps of a run ask people now, by their paths; also what is shown to few."""
        waiting = (await self._state(row, revealed=True)).activations.values()
        return {
            each.path: each.wait_details if isinstance(each.wait_details, dict) else {}
            for each in waiting
            if each.status == "waiting" and each.wait_kind == "approval"
        }

    async def _state(self, row: RunRow, *, revealed: bool = False) -> RunState:
        facts, size = await self._journals.facts(row, revealed=revealed)
        kept = await self.version(row)
        return await beside(size, lambda: fold(self._definitions.compile(kept), facts))

    async def names(self, row: RunRow) -> dict[str, Value]:
        """Return what expressions read in a run as it is: its input, variables and outputs of steps, by name."""
        state = await self._state(row)
        values = state.root.values if state.root is not None else {}
        return {name: value for name, value in values.items() if not name.startswith("$")}

    async def journal(self, row: RunRow, after: int, limit: int, *, revealed: bool = False) -> list[Change]:
        """Return facts of a run after this number; large values in them are whole."""

        def told(seq: int, fact: AnyFact) -> Change:
            return Change(run=row.run, seq=seq, fact=fact)

        return await self._journals.stretch(row, after, limit, told, revealed=revealed)

    async def lines(
        self, row: RunRow, after: int, limit: int, *, revealed: bool = False
    ) -> list[tuple[int, bytes]]:
        """Return facts of a run after this number, each with its number, as JSON."""

        def told(seq: int, fact: AnyFact) -> tuple[int, bytes]:
            return seq, encode_fact(fact)

        return await self._journals.stretch(row, after, limit, told, revealed=revealed)

    async def follow(
        self, row: RunRow, after: int, *, revealed: bool = False
    ) -> AsyncGenerator[Change, None]:
        """Yield what a run does after a fact, until it is over. Large values are only named."""
        is_over = row.finished_at is not None
        with within(row.workspace):  # whoever reads a stream is told by a task of its own
            batches = await self._reads(revealed).journal(row.run, after) if is_over else []
            is_veiled = not is_over and not revealed and await self.is_private(row)
        for change in changes_after(after, row.run, batches):
            yield change
        if is_over:
            return
        async for change in self.engine.subscribe(row.run, after):
            yield veil(change) if is_veiled else change

    async def logs(
        self, row: RunRow, path: str | None, limit: int, *, after: int = 0, revealed: bool = False
    ) -> list[LogLine]:
        """Return what the steps of a run logged, but for the first so many lines."""
        return await self._reads(revealed).logs(row.run, path=path, limit=limit, after=after)

    async def places(self, row: RunRow) -> dict[str, str]:
        """Return in words how far a run, or its steps, are from their turn."""
        return await self.engine.places(row.run)

    async def until_over(self, row: RunRow, seconds: float) -> RunRow:
        """Return a run once it has ended, or as it is after so many seconds."""
        await self.end(Begun(row.run), seconds)
        return await self.find(row.workspace, row.run)

    async def end(self, begun: Begun, seconds: float) -> Ended:
        """Return how a run ended that was begun, or, after so many seconds, that it is not over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                return await self.engine.end_of(begun)
        return Ended(begun.run, "")

    def _reads(self, revealed: bool) -> InspectedStore:
        return self._store if revealed else self._shown

    # --- leading ---

    async def start(
        self, asking: Asking, workspace: str, workflow: str, *, given: Value = None,
        variables: dict[str, Any] | None = None, key: str = "", follow: bool = False,
    ) -> Begun:  # fmt: skip
        """Start a run; under one key it is started once. What the audit trail tells of it is durable with the start."""
        run = id_of(workspace, key) if key else ""
        if run and (known := await self._store.find(run)) is not None:
            await self._same(known, workflow, given, variables)
            return Begun(run, is_new=False)
        entry = self._entry(asking, workspace, "runs.start", "workflow", workflow)
        await self.limits.admit(workspace, workflow)
        async with self._witness.noting(entry) as noting, _told():
            begun = await self.engine.begin(
                workflow, input=given, workspace=workspace, variables=variables, by=asking.by, run=run,
                note=noting.of, follow=follow,
            )  # fmt: skip
            noting.began(is_new=begun.is_new)
        if not begun.is_new:
            await self._same(await self.find(workspace, run), workflow, given, variables)
        return begun

    async def signal(self, asking: Asking, row: RunRow, name: str, data: Value, key: str, id_: str) -> None:
        """Put a signal into the mailbox of a run."""
        async with self._witness.of(self._entry_of(asking, row, "runs.signal")), _told():
            await self.engine.signal(row.run, name, data=data, key=key, id=id_, by=asking.by)

    async def approve(
        self, asking: Asking, row: RunRow, decision: str, *, path: str = "", comment: str = "", data: Value = None
    ) -> None:  # fmt: skip
        """Answer what a step of a run asks."""
        entry = self._entry_of(asking, row, "runs.approve", after={"decision": decision, "step": path})
        async with self._witness.of(entry), _told():
            await self.engine.approve(row.run, decision, path=path, by=asking.by, comment=comment, data=data)

    async def resolve(
        self, asking: Asking, row: RunRow, outcome: Outcome, *, path: str = "", attempt: int = 0, output: Value = None,
        message: str = "",
    ) -> None:  # fmt: skip
        """Say what became of an attempt that nobody knows the outcome of."""
        entry = self._entry_of(asking, row, "runs.resolve", after={"outcome": outcome, "step": path})
        async with self._witness.of(entry), _told():
            await self.engine.resolve(
                row.run, outcome, path=path, attempt=attempt, output=output, message=message, by=asking.by
            )

    async def pause(self, asking: Asking, row: RunRow, reason: str) -> None:
        """Start nothing new in a run until it is resumed."""
        async with self._witness.of(self._entry_of(asking, row, "runs.pause", why=reason)), _told():
            await self.engine.pause(row.run, by=asking.by, reason=reason)

    async def resume(self, asking: Asking, row: RunRow, variables: dict[str, Any]) -> None:
        """Let a run go on that is paused or in quarantine."""
        after = {"variables": sorted(variables)} if variables else None
        async with self._witness.of(self._entry_of(asking, row, "runs.resume", after=after)), _told():
            if row.state == "quarantined" and not variables:
                await self.engine.release(row.run, by=asking.by)
            else:
                await self.engine.resume(row.run, by=asking.by, variables=variables)

    async def cancel(self, asking: Asking, row: RunRow, reason: str, *, undo: bool, force: bool) -> None:
        """End a run; what it must clean up still runs."""
        async with self._witness.of(self._entry_of(asking, row, "runs.cancel", why=reason)), _told():
            await self.engine.cancel(row.run, by=asking.by, reason=reason, undo=undo, force=force)

    async def prioritize(self, asking: Asking, row: RunRow, priority: int) -> None:
        """Change the priority of a run that waits to begin."""
        async with (
            self._witness.of(self._entry_of(asking, row, "runs.prioritize", after={"priority": priority})),
            _told(),
        ):
            await self.engine.prioritize(row.run, priority=priority)

    async def publish(self, asking: Asking, workspace: str, type_: str, data: Value, id_: str) -> int:
        """Bring an event to every run of a workspace that waits for its type; return how many there are."""
        async with self._witness.of(self._entry(asking, workspace, "events.send", "event", type_)) as told:
            count = await self.engine.publish(type_, data=data, id=id_, workspace=workspace)
            told.tell(after={"runs": count})
            return count

    async def again(  # noqa: PLR0913 (what can be asked of a run that is begun once more)
        self, asking: Asking, row: RunRow, kind: Literal["retry", "fork"], *, start_at: str = "",
        changes: dict[str, Value] | None = None, repeat: bool = False, version: str = "", made: str = "",
    ) -> RunRow:  # fmt: skip
        """Start a new run that takes over what this one finished, and return it; asked for again under the id of the new
        one, nothing more is started.

        `version` is a number, or `live` for the one that is published now; without it the run stays on its own.
        """
        if row.version.startswith(TRIAL):
            raise RunRefusedError(
                f"Run {row.run} tried a draft out, and is not repeated as a run.",
                hint="Try the draft out again.",
            )
        named = row.workflow if version == "live" else f"{row.workflow}@{version}"
        on = await self._definitions.resolve(row.workspace, named) if version else None
        await self.limits.admit(row.workspace, row.workflow)
        async with self._witness.of(self._entry_of(asking, row, f"runs.{kind}")) as told, _told():
            run = await self.engine.retry(
                row.run, kind=kind, start_at=start_at or None, changes=changes, again=repeat, workflow=on,
                by=asking.by, made=made,
            )  # fmt: skip
            told.tell(after={"run": run})
        return await self.find(row.workspace, run)

    async def again_once(
        self, asking: Asking, row: RunRow, kind: Literal["retry", "fork"], key: str, **how: Any
    ) -> tuple[RunRow, bool]:
        """Do the same under a key, once; return the new run, and whether it is new."""
        made = id_of(row.workspace, key)
        known = await self._store.find(made)
        if known is not None and known.parent != row.run:
            raise taken("Another run was started under this key.")
        if known is not None:
            return known, False
        return await self.again(asking, row, kind, made=made, **how), True

    # --- inside ---

    async def _same(
        self, row: RunRow, workflow: str, given: Value, variables: dict[str, Any] | None
    ) -> RunRow:
        """Return the run of a key; raise `KeyTakenError` unless it was started with the same."""
        if row.workflow != workflow.partition("@")[0]:
            raise taken(f"A run of {row.workflow!r} was started under this key.")
        kept = await self._store.version(row.version)
        first = (await self.journal(row, 0, 1))[0].fact
        assert isinstance(first, RunStarted)
        schema = self._definitions.compile(kept).workflow.input if kept is not None else None
        wanted = given_input(schema, given) if schema else given
        if [plainly(first.input), plainly(first.variables)] != [
            plainly(wanted),
            plainly(variables or {}),
        ]:
            raise taken("A run was started under this key with another input, or other variables.")
        return row

    def _entry_of(self, asking: Asking, row: RunRow, action: str, why: str = "", after: Any = None) -> Entry:
        return self._entry(asking, row.workspace, action, "run", row.run, why, after)

    def _entry(
        self, asking: Asking, workspace: str, action: str, kind: str, name: str, why: str = "", after: Any = None
    ) -> Entry:  # fmt: skip
        return Entry(
            at=self._witness.now, workspace=workspace, actor=asking.actor, action=action,
            object=Object(kind=kind, name=name), why=why, after=after,
        )  # fmt: skip


@asynccontextmanager
async def _told() -> AsyncIterator[None]:
    """Tell what a run refuses as its own refusal, and not as one of what was sent."""
    try:
        yield
    except RequestRefusedError as error:
        raise RunRefusedError(error.message, hint=error.hint) from error
