"""`Trials`: tries out parts of drafts on the real engine, marked so that they never count as runs.

A trial goes in stretches. Each is a run of the steps that are released so far, and takes over what the stretches before it did,
so nothing is done twice. Between two stretches nothing runs and nothing is held in memory: a trial may wait before a step for
days, and goes on in another process.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from auraos.app.expressions import Evaluated, evaluate_settings
from auraos.app.runs.runs import Asking, Runs
from auraos.app.trials.effects import TrialUnreviewedError, effects_of
from auraos.app.trials.part import Part, Pin, TrialRefusedError, Wanted
from auraos.core.audit import Entry, Object
from auraos.core.catalogue import Catalogue
from auraos.core.document import Document
from auraos.core.errors import UserError
from auraos.core.graph import read_workflow, resolved_types
from auraos.core.run import FINAL
from auraos.core.run.identity import child_run_id
from auraos.core.run.view import StepView
from auraos.core.values import Value
from auraos.core.workflow import Workflow
from auraos.documents.definitions.errors import DefinitionRefusedError
from auraos.documents.definitions.rows import Ref
from auraos.documents.definitions.service import Definitions
from auraos.engine.definitions import TRIAL
from auraos.engine.ports import RunRow, Version
from auraos.security.row_store import Add, Clear, Replace, RowStore
from auraos.storage.tables.trials import Trial

KEPT = 7 * 86_400 * 1_000_000
"""For so many microseconds a trial can be gone on with."""
SHOWN = 10
"""So many steps are named in a message; the data names all."""
OUTCOMES = ("succeeded", "caught", "inherited")


class NoTrialError(UserError):
    """There is no such trial in this workspace."""

    code = "no-trial"


class TrialStateError(UserError):
    """A trial is in no state in which this can be asked of it."""

    code = "trial-state"


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be tried: a text, a part of it, and the data."""

    text: str
    wanted: Wanted = Wanted()
    input: Value = None
    variables: dict[str, Any] = {}
    pins: dict[str, Pin] = {}
    earlier: dict[str, Pin] = {}
    """What the steps of an earlier run gave: it stands in for those that are before the part that is tried."""
    breakpoints: tuple[str, ...] = ()


class Held(msgspec.Struct, frozen=True):
    """A step that comes next, and what each of its settings is by now."""

    step: str
    type: str
    settings: dict[str, Evaluated]


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A trial as it is: its last stretch, and the steps that it is held before."""

    trial: Trial
    row: RunRow
    held: tuple[Held, ...]

    @property
    def state(self) -> str:
        """Return `stopped` or `held`, else the state of the last stretch."""
        if self.trial.state == "stopped":
            return "stopped"
        return "held" if self.held else self.row.state


class Trials:
    """Begins trials, and leads them from breakpoint to breakpoint."""

    def __init__(
        self, rows: RowStore, runs: Runs, definitions: Definitions, catalogue: Catalogue, *, now: Callable[[], int],
        new_id: Callable[[], str],
    ) -> None:  # fmt: skip
        self._rows = rows
        self._runs = runs
        self._definitions = definitions
        self._catalogue = catalogue
        self._now = now
        self._new_id = new_id

    async def begin(self, asking: Asking, workspace: str, wish: Wish) -> Trial:
        """Begin a trial; return it when its first stretch has durably begun."""
        document, workflow, part = await self._read(wish.text)
        part.refuse_unknown([*wish.breakpoints, *wish.pins])
        wanted = part.wanted(wish.wanted)
        pins = _pins_of(part, wish, wanted)
        released = part.up_to(wanted, set(wish.breakpoints) - pins.keys()) | pins.keys()
        await self._refuse_wrong(workspace, wish.text, released, set(part.steps))
        await self._refuse_unreviewed(asking, workspace, wish.text, workflow, released - pins.keys())
        await self._runs.limits.look(workspace)
        now, run = self._now(), self._new_id()
        trial = Trial(
            id=self._new_id(), workspace=workspace, workflow=document.name, text=wish.text, actor=asking.actor, state="open",
            wanted=_in_order(part, wanted), released=_in_order(part, released), breakpoints=wish.breakpoints, runs=(run,),
            created_at=now, ends_at=now + KEPT,
        )  # fmt: skip
        entry = self._entry(asking, trial, list(trial.released))
        version = self._version(part, workflow, released, run)
        await self._runs.engine.try_out(
            version, input=wish.input, workspace=workspace, variables=wish.variables, by=asking.by, run=run,
            pinned=part.pinned(pins, released),
        )  # fmt: skip
        await self._rows.save([Clear(Trial, {"workspace": workspace}, until=now), Add(trial)], [entry])
        return trial

    async def find(self, workspace: str, name: str) -> Trial:
        """Return a trial; raise `NoTrialError` if there is none."""
        trial = await self._rows.one(Trial, id=name)
        if trial is None or trial.workspace != workspace:
            raise NoTrialError(f"There is no trial {name!r}.", hint="It is kept for a week.")
        return trial

    async def look(self, trial: Trial, *, wait: float = 0) -> Seen:
        """Return a trial as it is once its stretch is over, or after so many seconds."""
        row = await self._runs.find(trial.workspace, trial.runs[-1])
        if wait and row.finished_at is None:
            row = await self._runs.until_over(row, wait)
        if trial.state == "stopped" or row.state not in FINAL:
            return Seen(trial=trial, row=row, held=())
        _, workflow, part = await self._read(trial.text)
        ahead = part.frontier(trial.wanted, trial.released)
        names = await self._runs.names(row) if ahead else {}
        held = await asyncio.to_thread(lambda: tuple(_held(workflow, name, names) for name in ahead))
        return Seen(trial=trial, row=row, held=held)

    async def go_on(
        self, asking: Asking, trial: Trial, *, by_step: bool = False, pins: Mapping[str, Pin] | None = None,
        breakpoints: Sequence[str] | None = None,
    ) -> Trial:  # fmt: skip
        """Go on to the next breakpoint, or by one step of each branch; what failed is done again. Pins set outputs."""
        _, workflow, part = await self._read(trial.text)
        row = await self._runs.find(trial.workspace, trial.runs[-1])
        if trial.state != "open" or row.state not in FINAL:
            state = trial.state if trial.state != "open" else row.state
            raise TrialStateError(f"The trial is {state}.", hint="Wait until its stretch is over.")
        stops = tuple(trial.breakpoints if breakpoints is None else breakpoints)
        part.refuse_unknown([*stops, *(pins or {})])
        ahead = part.frontier(trial.wanted, trial.released)
        released = {*trial.released, *ahead, *(pins or {})}
        if not by_step:
            released |= part.up_to(trial.wanted, set(stops) - released)
        await self._refuse_wrong(trial.workspace, trial.text, released, set(part.steps))
        given = set(pins or {})
        taken = set(pins_of_run((await self._runs.look(row)).view.steps)) - part.following(given)
        await self._refuse_unreviewed(asking, trial.workspace, trial.text, workflow, released - taken - given)
        await self._runs.limits.look(trial.workspace)
        run = child_run_id(trial.id, f"!trial/{len(trial.runs)}", trial.created_at)
        after = msgspec.structs.replace(
            trial, released=_in_order(part, released), breakpoints=stops, runs=(*trial.runs, run)
        )
        await self._runs.engine.retry(
            row.run, kind="fork", workflow=self._version(part, workflow, released, run), made=run, by=asking.by,
            changes={name: pin.output for name, pin in (pins or {}).items()} or None,
        )  # fmt: skip
        steps = [name for name in after.released if name not in trial.released]
        entry = self._entry(asking, trial, steps)
        if await self._rows.save([Replace(trial, after)], [entry]) is not None:
            raise TrialStateError("Somebody else has just gone on with the trial.", hint="Look at it again.")
        return after

    async def stop(self, asking: Asking, trial: Trial) -> Trial:
        """End a trial, and the stretch that is under way."""
        after = msgspec.structs.replace(trial, state="stopped")
        if after != trial:
            await self._rows.save([Replace(trial, after)], [self._entry(asking, trial, [])])
        row = await self._runs.find(trial.workspace, trial.runs[-1])
        if row.state not in FINAL:
            await self._runs.cancel(asking, row, "The trial was stopped.", undo=False, force=False)
        return after

    # --- how ---

    def _entry(self, asking: Asking, trial: Trial, steps: list[str]) -> Entry:
        """Return what the audit trail tells: which steps are carried out from now on; none where it is stopped."""
        return Entry(
            at=self._now(), workspace=trial.workspace, actor=asking.actor, action="runs.try",
            object=Object(kind="workflow", name=trial.workflow), after={"trial": trial.id, "steps": steps},
        )  # fmt: skip

    async def _read(self, text: str) -> tuple[Document, Workflow, Part]:
        read = await self._definitions.checker.read(text, "workflow")
        if read.document is None or read.document.kind != "workflow":
            raise DefinitionRefusedError("The text is no workflow that can be read.", read.problems)
        workflow, problems = read_workflow(read.document, self._catalogue)
        if workflow is None:
            raise DefinitionRefusedError("The text is no workflow that can be read.", problems)
        return read.document, workflow, Part(read.document, workflow, self._catalogue)

    async def _refuse_wrong(self, workspace: str, text: str, released: set[str], steps: set[str]) -> None:
        """Raise for errors in what is to be carried out; what is wrong with other steps does not matter now."""
        checked = await self._definitions.checker.check(workspace, text, "workflow")
        left_out = steps - released
        errors = [
            problem for problem in checked.errors
            if not (problem.path[:2] == ("spec", "steps") and len(problem.path) > 2 and problem.path[2] in left_out)
            and not (left_out and problem.path[:2] in (("spec", "output"), ("spec", "links")))
            and problem.path[:1] != ("tests",)
        ]  # fmt: skip
        if errors:
            raise DefinitionRefusedError("This part of the workflow cannot be tried: it has errors.", errors)

    async def _refuse_unreviewed(
        self, asking: Asking, workspace: str, text: str, workflow: Workflow, names: set[str]
    ) -> None:
        """Raise where these steps would do something to the world by a text that wants a review and has none."""
        writing = effects_of(workflow, names, self._catalogue)
        ref = Ref(workspace, "workflow", workflow.name)
        if not writing or not await self._definitions.is_unreviewed(ref, text):
            return
        named = ", ".join(map(repr, writing[:SHOWN])) + (" and more" if len(writing) > SHOWN else "")
        error = TrialUnreviewedError(
            f"The trial would carry out {named}, which may change something elsewhere. Nobody has approved this text, and "
            "the workspace wants that.",
            hint="Pin what these steps give, hold the trial before them, or save the draft and have it approved.",
            steps=writing,
        )
        entry = Entry(
            at=self._now(), workspace=workspace, actor=asking.actor, action="runs.try", outcome="refused", why=error.message,
            object=Object(kind="workflow", name=workflow.name),
        )  # fmt: skip
        await self._rows.save([], [entry])
        raise error

    def _version(self, part: Part, workflow: Workflow, released: set[str], run: str) -> Version:
        types = resolved_types(workflow, self._catalogue)
        return Version(
            hash=f"{TRIAL}{run}",
            kind="workflow",
            name=workflow.name,
            text=part.text(released),
            step_types=types,
        )


def _pins_of(part: Part, wish: Wish, wanted: set[str]) -> dict[str, Pin]:
    """Return the data of all steps that are not carried out; raise where one that is read has none."""
    before, known = part.to_pin(wish.wanted), part.earlier(wish.wanted)
    given = {**{name: pin for name, pin in wish.earlier.items() if name in known}, **wish.pins}
    missing = sorted((before & part.reads(wanted - before)) - given.keys())
    if missing:
        named = ", ".join(map(repr, missing))
        raise TrialRefusedError(
            f"What follows reads the output of {named}, which would not run.",
            hint="Pin their data, take that of a run, or try it up to that step.",
            steps=missing,
        )
    return {
        **{name: Pin() for name in before},
        **{name: pin for name, pin in given.items() if name in wanted},
    }


def _in_order(part: Part, names: set[str]) -> tuple[str, ...]:
    return tuple(name for name in part.steps if name in names)


def _held(workflow: Workflow, name: str, names: dict[str, Value]) -> Held:
    step = workflow.scope.steps[name]
    return Held(name, step.type, evaluate_settings(step.settings, names))


def pins_of_run(steps: Sequence[StepView]) -> dict[str, Pin]:
    """Return what the steps at the top of a run gave, to be pinned in a trial."""
    return {
        step.path: Pin(output=step.output, ports=step.ports)
        for step in steps
        if step.how in OUTCOMES and "/" not in step.path and "!" not in step.path
    }
